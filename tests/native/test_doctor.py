"""The doctor names what is wrong and the command that mends it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.native import doctor
from jobs.settings import ROOT

SCRIPT = ROOT / "infra" / "native" / "doctor.py"
LISTENS = """\
import signal, socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
signal.pause()
"""


@pytest.fixture
def port() -> Iterator[int]:
    """A port this test listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def add(programs: Path, name: str, prints: str) -> None:
    """A program that only prints its version."""
    program = programs / name
    program.write_text(f"#!/bin/sh\necho '{prints}' >&2\n")
    program.chmod(0o755)


def problems() -> str:
    return "\n".join(str(finding) for finding in doctor.tools(True, True))


def test_busy_port_is_reported_with_the_process_that_holds_it(port: int) -> None:
    (finding,) = doctor.ports({"S3_ENDPOINT": port})
    assert f"port {port} for S3_ENDPOINT: process {os.getpid()} (" in finding.problem
    assert "pytest" in finding.problem
    assert f"kill {os.getpid()}" in finding.remedy
    assert finding.stops


def test_free_port_is_no_finding() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert doctor.ports({"S3_ENDPOINT": free}) == []


def test_own_service_on_its_port_is_no_finding() -> None:
    environment = {**os.environ, "LAKEPROOF_STATE": "/clone/.state/alpha"}
    command = [sys.executable, "-c", LISTENS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as service:
        assert service.stdout is not None
        try:
            wanted = {"S3_ENDPOINT": int(service.stdout.readline())}
            assert doctor.ports(wanted, "/clone/.state/alpha") == []
            (finding,) = doctor.ports(wanted, "/clone/.state/al")
            assert f"process {service.pid} " in finding.problem
        finally:
            service.kill()


def test_bare_machine_lacks_everything_and_each_has_a_command(programs: Path) -> None:
    found = doctor.tools(True, True)
    for tool in ("Python 3.11 or 3.12", "Java 17 or 21", "Maven", "Go 1.24"):
        (finding,) = [finding for finding in found if finding.problem.startswith(tool)]
        assert "install " in finding.remedy


def test_a_missing_browser_is_a_warning_and_any_of_them_will_do(programs: Path) -> None:
    [finding] = doctor.browser()
    assert not finding.stops and "chromium" in finding.remedy
    add(programs, "google-chrome", "")
    assert doctor.browser() == []


def test_installed_jars_and_minio_need_neither_maven_nor_go(programs: Path) -> None:
    found = "\n".join(str(finding) for finding in doctor.tools(False, False))
    assert "Maven" not in found and "Go 1.24" not in found


@pytest.mark.parametrize("version", ["11.0.22", "1.8.0_402", "24.0.1", "25"])
def test_java_that_does_not_work_is_named(version: str, programs: Path) -> None:
    add(programs, "java", f'openjdk version "{version}" 2025-01-01')
    assert f'java is openjdk version "{version}"' in problems()


@pytest.mark.parametrize("version", ["17.0.15", "21", "21.0.5"])
def test_java_that_works_is_no_finding(version: str, programs: Path) -> None:
    add(programs, "java", f'openjdk version "{version}" 2025-01-01')
    assert "Java" not in problems()


@pytest.mark.parametrize(("version", "works"), [("go1.22.2", False), ("go1.24", True)])
def test_go_too_old_to_build_minio_is_named(version: str, works: bool, programs: Path) -> None:
    add(programs, "go", f"go version {version} linux/amd64")
    assert ("Go 1.24" not in problems()) == works


@pytest.mark.parametrize(("version", "works"), [("3.10.13", False), ("3.12.1", True)])
def test_python_of_another_version_is_named(version: str, works: bool, programs: Path) -> None:
    add(programs, "python3", f"Python {version}")
    assert ("Python 3.11" not in problems()) == works


def test_doctor_needs_nothing_but_a_python(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "LAKEPROOF_CACHE": str(tmp_path), "INSTANCE": "nobody"}
    command = [sys.executable, "-I", "-S", str(SCRIPT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == 1
    assert "missing  Maven" in done.stdout
