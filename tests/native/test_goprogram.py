"""A program on PATH is used only if it is the pinned one."""

import subprocess
from pathlib import Path

import pytest

from infra.native import install
from infra.native.goprogram import built_from

MINIO = "github.com/minio/minio"
ANOTHER = f"{MINIO}@v0.0.0-20250907161309-07c3a429bfed"
SAYS_ANOTHER = """#!/bin/sh
echo 'minio version RELEASE.2025-09-07T16-13-09Z (commit-id=07c3a429bfed)'
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, beside an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("LAKEPROOF_CACHE", str(tmp_path / "cache"))
    return folder


def add(folder: Path, name: str, package: str) -> Path:
    """A program with what Go writes into each that it builds of a module."""
    where, _, version = package.partition("@")
    module = "/".join(where.split("/")[:3])
    said = f"\0\xffpath\t{where}\nmod\t{module}\t{version}\th1:abc=\ndep\tother\tv9\n\0"
    program = folder / name
    program.write_bytes(said.encode())
    program.chmod(0o755)
    return program


def lacking() -> set[str]:
    return {download.service for download in install.missing()}


def test_a_program_says_of_what_it_was_built(path: Path) -> None:
    assert built_from(add(path, "minio", ANOTHER)) == ANOTHER


def test_the_pinned_one_is_used(path: Path) -> None:
    program = add(path, "minio", install.modules_file("minio").read_text().strip())
    assert install.go_program("minio") == program
    assert "minio" not in lacking()
    assert list(install.strangers()) == []


def test_one_of_another_version_is_not_used_and_a_line_says_so(path: Path) -> None:
    program = add(path, "minio", ANOTHER)
    assert install.go_program("minio") != program
    assert "minio" in lacking()
    (told,) = install.strangers()
    assert told.startswith(f"{program} is {ANOTHER}, not {MINIO}@v0.0.0-20260212201848-")


@pytest.mark.parametrize("name", sorted(install.GO_PROGRAMS))
def test_a_program_that_is_none_of_gos_is_not_used(name: str, path: Path) -> None:
    program = path / name
    program.write_text(SAYS_ANOTHER)
    program.chmod(0o755)
    assert b"RELEASE.2025-09-07" in subprocess.run([program], capture_output=True).stdout
    assert install.go_program(name) != program
    assert name in lacking()
    (told,) = install.strangers()
    assert told.startswith(f"{program} is of no known version, not ")


def test_prometheus_without_its_tool_is_not_enough(path: Path) -> None:
    *_, server, tool = install.modules_file("prometheus").read_text().split()
    add(path, "prometheus", server)
    assert "prometheus" in lacking()
    add(path, "promtool", tool)
    assert "prometheus" not in lacking()
