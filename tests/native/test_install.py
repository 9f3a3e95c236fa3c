"""What is in the cache is complete, whatever happened while it was made."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.native.install import Download, InstallFailed, install
from jobs.settings import ROOT

KILLED_HALF_WAY = """\
import sys
from pathlib import Path
from infra.native.install import Download, install
half = "touch {}/one.jar; kill -9 $PPID"
install(Download("jars", "sh", Path(sys.argv[1]), lambda to: ["sh", "-c", half.format(to)]))
"""


def jars(place: Path, script: str) -> Download:
    """A download by a shell script, which gets the folder to fill as $0."""
    return Download("jars", "sh", place, lambda to: ["sh", "-c", script, str(to)])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_installed_is_there(tmp_path: Path) -> None:
    install(jars(tmp_path / "jars", "touch $0/one.jar $0/two.jar"))
    assert names(tmp_path / "jars") == ["one.jar", "two.jar"]
    assert names(tmp_path) == ["jars"]


def test_failed_install_leaves_nothing_and_shows_the_tools_words(tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match="no route to host"):
        install(jars(tmp_path / "jars", "touch $0/one.jar; echo no route to host; exit 1"))
    assert names(tmp_path) == []


def test_install_of_nothing_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match="put nothing into"):
        install(jars(tmp_path / "jars", "true"))
    assert names(tmp_path) == []


def test_missing_tool_is_named(tmp_path: Path) -> None:
    download = Download("jars", "nvm", tmp_path / "jars", lambda to: ["no-such-tool", str(to)])
    with pytest.raises(InstallFailed, match="no-such-tool is not installed. `make doctor`"):
        install(download)


def test_killed_install_is_not_taken_for_a_finished_one(tmp_path: Path) -> None:
    place = tmp_path / "jars"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_HALF_WAY, str(place)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert killed.returncode == -signal.SIGKILL
    assert not place.exists()
    install(jars(place, "touch $0/one.jar $0/two.jar"))
    assert names(place) == ["one.jar", "two.jar"]
