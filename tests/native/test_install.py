"""What is in the cache is complete, whatever happened while it was made."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.native.download import Download, InstallFailed, install
from jobs.settings import ROOT

KILLED_HALF_WAY = """\
import sys
from pathlib import Path
from infra.native.download import Download, install
half = "touch {}/one.jar; kill -9 $PPID"
install(Download("one", "jars", "sh", Path(sys.argv[1]), lambda to: ["sh", "-c", half.format(to)]))
"""


def jars(place: Path, script: str) -> Download:
    """A download by a shell script, which gets the folder to fill as $0."""
    return Download("one", "jars", "sh", place, lambda to: ["sh", "-c", script, str(to)])


def until(file: Path) -> str:
    """What waits in a shell script until the file is there, and fails if it never is."""
    return f"for i in $(seq 200); do test -e {file} && break; sleep 0.05; done; test -e {file}"


def names(folder: Path) -> list[str]:
    """What is to be seen: what an installation keeps for itself is beside it."""
    own = (".lock", ".log", ".failed")
    return sorted(path.name for path in folder.iterdir() if path.suffix not in own)


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
    download = Download(
        "one", "jars", "nvm", tmp_path / "jars", lambda to: ["no-such-tool", str(to)]
    )
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


def test_one_that_is_asked_for_twice_is_filled_once_and_both_see_how(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = f"echo compiling; {until(seen)} && echo once >> $0/../count && touch $0/one.jar"
    begun = threading.Event()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(install, jars(tmp_path / "jars", script), lambda _: begun.set())
        assert begun.wait(10)
        install(jars(tmp_path / "jars", script), lambda line: seen.write_text(line))
        first.result()
    assert seen.read_text() == "compiling"
    assert (tmp_path / "count").read_text() == "once\n"


def test_two_mavens_never_write_into_one_repository(tmp_path: Path) -> None:
    alone = "mkdir $0/../busy && sleep 0.2 && rmdir $0/../busy && touch $0/one.jar"
    places = [tmp_path / "jars-one", tmp_path / "jars-two"]
    wanted = [
        Download("one", "jars", "mvn", place, lambda to: ["sh", "-c", alone, str(to)])
        for place in places
    ]
    with ThreadPoolExecutor() as threads:
        list(threads.map(install, wanted))
    assert all(place.exists() for place in places)


def test_a_failure_is_kept_for_who_asks_until_the_next_try(tmp_path: Path) -> None:
    failing, place = "echo no route to host; exit 1", tmp_path / "jars"
    with pytest.raises(InstallFailed):
        install(jars(place, failing))
    assert "no route to host" in jars(place, failing).failure
    assert jars(place, failing).log.read_text() == "no route to host\n"
    install(jars(place, "touch $0/one.jar"))
    assert jars(place, failing).failure == ""


def test_what_joins_late_steps_back(tmp_path: Path) -> None:
    def fill(to: Path) -> list[str]:
        return ["sh", "-c", "nice > $0/niceness", str(to)]

    for late in (False, True):
        install(Download("one", "jars", "sh", tmp_path / f"late-{late}", fill, late))
    usual = int((tmp_path / "late-False" / "niceness").read_text())
    assert (tmp_path / "late-True" / "niceness").read_text() == f"{min(usual + 19, 19)}\n"
