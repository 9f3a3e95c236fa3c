"""From a bare clone: nothing waits for what it does not need, and nothing is silently missing.

Little programs stand for Go, Maven and uv: what is tested is who is called when.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.native import doctor, install, processes, status, supervise
from infra.native.creation import load_or_create
from infra.native.download import Download, InstallFailed
from infra.native.download import install as install_part
from infra.native.instance import Instance
from infra.native.up import outlook
from infra.native.watch import StartFailed, healthy
from jobs.patience import await_true
from jobs.settings import ROOT, settings_from
from tests.integration.part_of_a_stack import part_of_a_stack
from tests.native.test_install import until

INSTANCE = "late"
SOON_SECONDS = 4  # what ends sooner counts for the supervisor as never started
# Of the repository, what runs before there are packages.
BARE = ("infra/__init__.py", "infra/native", "jobs/__init__.py", "jobs/errors.py",
        "jobs/settings.py", *(f"infra/{part}" for part in ("spark", "kafka", "connect", "registry",
        "minio", "prometheus", "alertmanager")))  # fmt: skip


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the beginning of PATH, beside an empty cache."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LAKEPROOF_CACHE", str(tmp_path / "cache"))
    return folder


def add(tools: Path, name: str, script: str) -> None:
    program = tools / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def clone(to: Path) -> Path:
    for part in BARE:
        source, target = ROOT / part, to / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    (to / ".venv").mkdir()
    return to / "infra" / "native" / "bootstrap.py"


def test_go_and_maven_work_while_the_packages_come(tools: Path, tmp_path: Path) -> None:
    add(tools, "go", f"touch {tmp_path}/go $GOBIN/minio")
    add(tools, "mvn", f"touch {tmp_path}/mvn && exit 1")
    add(tools, "uv", f"{until(tmp_path / 'go')} && {until(tmp_path / 'mvn')}")
    bootstrap = [sys.executable, str(clone(tmp_path / "clone")), "up"]
    assert subprocess.run(bootstrap, capture_output=True).returncode == 0


@pytest.fixture
def prometheus(tools: Path, tmp_path: Path) -> Iterator[Instance]:
    """A platform of nothing but Prometheus, which is being built until the test says `built`."""
    makes = "for name in prometheus promtool; do cp $0 $GOBIN/$name; done"
    for needed in (each for each in install.missing() if not each.late):
        needed.place.mkdir(parents=True)
    add(
        tools,
        "go",
        f"""if test "$1" = install; then {until(tmp_path / "built")} && {makes}
    else exec sleep 1000; fi""",
    )
    with part_of_a_stack(INSTANCE, lambda: load_or_create(INSTANCE), "prometheus") as found:
        yield found


def state(instance: Instance) -> str:
    return status.rows(instance)[0].state


def runs_with_its_part(instance: Instance) -> bool:
    supervise.start_stopped(instance)
    return install.part_of("prometheus") is None and state(instance) == "RUNNING"


def wait_until_it_runs(instance: Instance) -> None:
    late = AssertionError("Prometheus did not start")
    await_true(lambda: runs_with_its_part(instance), 30, lambda _: late)


def test_what_joins_later_holds_nothing_up_and_is_shown(
    prometheus: Instance, tmp_path: Path
) -> None:
    settings = settings_from({**prometheus.values, "INSTANCE": INSTANCE})
    assert list(healthy(prometheus, settings, ["prometheus"])) == []
    assert state(prometheus) == "INSTALLING"
    (tmp_path / "built").touch()
    wait_until_it_runs(prometheus)


def test_what_joins_later_is_not_begun_before_what_the_demo_needs(
    prometheus: Instance, tools: Path, tmp_path: Path
) -> None:
    (minio,) = (each for each in install.downloads() if each.service == "minio")
    minio.place.rmdir()
    (tmp_path / "built").touch()
    add(tools, "go", f"test -e {minio.place} && " + (tools / "go").read_text().partition("\n")[2])
    log, late = supervise.log_file(prometheus, "prometheus"), AssertionError("it does not wait")
    await_true(lambda: "first comes" in log.read_text(), 30, lambda _: late)
    processes.end(processes.tree(supervise.pid(prometheus, "prometheus")), patience_seconds=0)
    await_true(lambda: log.read_text().count("first comes") > 1, 30, lambda _: late)
    minio.place.mkdir()
    wait_until_it_runs(prometheus)
    assert "failed" not in log.read_text()


def test_a_build_that_fails_is_shown_and_tried_again(
    prometheus: Instance, tools: Path, tmp_path: Path
) -> None:
    working = (tools / "go").read_text()
    add(tools, "go", f"sleep {SOON_SECONDS}; echo no route to host; exit 1")
    processes.end(processes.tree(supervise.pid(prometheus, "prometheus")), patience_seconds=0)
    settings = settings_from({**prometheus.values, "INSTANCE": INSTANCE})
    with pytest.raises(StartFailed, match="(?s)could not be installed.*no route to host"):
        list(healthy(prometheus, settings))
    assert "no route to host" in status.table(status.rows(prometheus))
    (finding,) = doctor.failures({each.what: each.failure for each in install.missing()})
    assert "no route to host" in finding.problem and "make up" in finding.remedy
    (tools / "go").write_text(working)
    (tmp_path / "built").touch()
    wait_until_it_runs(prometheus)


def test_up_says_what_becomes_of_what_it_did_not_wait_for(tmp_path: Path) -> None:
    def late(script: str) -> Download:
        place = tmp_path / "alertmanager"
        return Download("alertmanager", "it", "sh", place, lambda to: ["sh", "-c", script, str(to)])

    assert "still being built" in outlook(late("true"))
    assert "`make logs S=alertmanager`" in outlook(late("true"))
    with pytest.raises(InstallFailed):
        install_part(late("echo no route to host; exit 1"))
    assert "could not be built" in outlook(late("true"))
    assert "no route to host" in outlook(late("true"))
    install_part(late("touch $0/alertmanager"))
    assert "joins now" in outlook(late("true"))
