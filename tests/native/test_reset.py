"""Reset deletes one state folder and stops what runs from it, and touches nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from infra.native.creation import load_or_create
from infra.native.down import down, reset
from infra.native.instance import MARKER, Instance
from jobs.errors import LakeproofError
from jobs.settings import MAIN_INSTANCE, ROOT

WAITS = "import signal; print('ready', flush=True); signal.pause()"


def contents(tree: Path) -> dict[str, str]:
    return {str(p.relative_to(tree)): p.read_text() for p in tree.rglob("*") if p.is_file()}


@contextmanager
def running(state: Path) -> Iterator[subprocess.Popen[str]]:
    """A process marked as one of the instance's."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITS],
        env={**os.environ, MARKER: str(state)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_only_the_instance_of_that_name_is_deleted(tree: Path) -> None:
    load_or_create("main")
    for name in ("main", "alpha", "beta"):
        load_or_create(name).folder("kafka").joinpath("segment").write_text(name)
    (tree / "notes.txt").write_text("mine")
    before = contents(tree)
    reset("alpha")
    kept = {path for path in before if not path.startswith(".state/alpha/")}
    assert contents(tree) == {**{path: before[path] for path in kept}, ".state/.lock": ""}


def test_main_keeps_its_env_file(tree: Path) -> None:
    secrets = load_or_create("main").values
    reset("main")
    assert not (tree / ".state" / "main").exists()
    assert load_or_create("main").values == secrets


def test_main_can_be_started_after_a_reset(tree: Path) -> None:
    load_or_create(MAIN_INSTANCE)
    reset(MAIN_INSTANCE)
    assert load_or_create(MAIN_INSTANCE).folder("logs").is_dir()


@pytest.mark.parametrize("name", ["", "..", ".", "alpha/kafka"])
def test_folder_outside_is_refused(name: str, instance: Instance, tree: Path) -> None:
    instance.folder("kafka").joinpath("segment").write_text("data")
    before = contents(tree)
    with pytest.raises(LakeproofError, match="nothing was deleted"):
        reset(name)
    assert contents(tree) == before


@pytest.mark.parametrize("target", ["photos", ".state/beta"])
def test_link_to_a_folder_elsewhere_is_refused(target: str, tree: Path) -> None:
    elsewhere = tree / target
    elsewhere.mkdir(parents=True)
    (elsewhere / "one.jpg").write_text("dear")
    (tree / ".state").mkdir(exist_ok=True)
    (tree / ".state" / "alpha").symlink_to(elsewhere)
    with pytest.raises(LakeproofError, match="nothing was deleted"):
        reset("alpha")
    assert (elsewhere / "one.jpg").read_text() == "dear"


def test_down_ends_processes_whose_supervisor_is_gone(tree: Path, instance: Instance) -> None:
    with running(instance.state) as orphan, running(tree / ".state" / "beta") as stranger:
        down("alpha")
        assert not psutil.pid_exists(orphan.pid)
        assert psutil.Process(stranger.pid).is_running()


def test_down_spares_the_shell_it_was_called_from(instance: Instance) -> None:
    code = "import sys; from infra.native.down import end_everything; from pathlib import Path;"
    code += "print(end_everything(Path(sys.argv[1])))"
    done = subprocess.run(
        ["sh", "-c", '"$@"; echo survived', "sh", sys.executable, "-c", code, str(instance.state)],
        env={**os.environ, MARKER: str(instance.state)},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout == "0\nsurvived\n", done.stderr


def test_state_of_a_broken_env_file_can_be_reset(instance: Instance) -> None:
    (instance.state / ".env").write_text("no assignment")
    reset("alpha")
    assert not instance.state.exists()
