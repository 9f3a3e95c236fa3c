"""What CI leaves out: never what a change touches, and nothing when it cannot know."""

import os
import subprocess
from pathlib import Path

import pytest

from answers.book import load_answers
from jobs.settings import ROOT
from tests.conftest import LEFT_OUT
from tests.mutants import MUTANTS
from tests.selection import TURN_SECONDS, TURNS, Change, left_out, newest_change
from tests.tree import python

ANSWERS = load_answers()
HOUR = 3600


def run_after(*files: str, turn: int = 0) -> set[str]:
    """The answers whose proofs run after a change of these files."""
    change = Change(frozenset(files), turn * TURN_SECONDS)
    return set(ANSWERS) - set(left_out(ANSWERS.values(), change))


def test_in_five_turns_each_proof_runs_once() -> None:
    turns = [run_after("README.md", turn=turn) for turn in range(TURNS)]
    assert sum(len(each) for each in turns) == len(ANSWERS) == len(set().union(*turns))


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_proof_runs_when_its_folder_changed(turn: int) -> None:
    assert "sql-joins" in run_after("answers/foundations/sql-joins/README.md", turn=turn)


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_proof_runs_when_what_few_import_changed(turn: int) -> None:
    assert {"kafka-guarantees", "exactly-once-delivery"} <= run_after(
        "answers/labs/outbox.py", "answers/streaming-cdc/exactly-once-delivery/writer.py", turn=turn
    )


@pytest.mark.parametrize("name", MUTANTS)
def test_a_proof_runs_when_what_it_must_notice_changed(name: str) -> None:
    mutant = MUTANTS[name]
    for turn in range(TURNS):
        assert mutant.answer in run_after(mutant.file, turn=turn)


def test_new_packages_touch_all() -> None:
    assert run_after("uv.lock") == set(ANSWERS)


def test_what_nearly_all_import_makes_not_all_run() -> None:
    assert run_after("answers/evidence.py") == run_after()


def committed(root: Path, name: str, at: int) -> None:
    (root / name).touch()
    dated = os.environ | {"GIT_AUTHOR_DATE": f"@{at} +0000", "GIT_COMMITTER_DATE": f"@{at} +0000"}
    own = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["git", "add", name], [*own, "commit", "-m", name]):
        subprocess.run(command, cwd=root, env=dated, check=True, capture_output=True)


def test_a_change_is_all_that_was_committed_with_the_last(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    committed(tmp_path, "only", at=1_700_000_000)
    assert newest_change(tmp_path) == Change(frozenset({"only"}), 1_700_000_000)
    for name, hour in (("old", 1), ("first", 20), ("last", 22)):
        committed(tmp_path, name, at=1_700_000_000 + hour * HOUR)
    assert newest_change(tmp_path) == Change(
        frozenset({"first", "last"}), 1_700_000_000 + 22 * HOUR
    )


def test_without_history_nothing_is_known_of_a_change(tmp_path: Path) -> None:
    assert newest_change(tmp_path) is None


def test_a_proof_that_is_left_out_is_not_collected_nor_who_tests_it() -> None:
    listed = python(
        ROOT,
        *("-m", "pytest", "--collect-only", "-q", "tests/integration/test_mutants.py", "answers"),
        **{LEFT_OUT: "silver-layer gold-layer"},
    ).stdout
    assert "bronze-layer/proof.py" in listed and "[a run forgets what the last one read]" in listed
    assert "silver-layer/proof.py" not in listed and "[the gate is turned off]" not in listed


@pytest.mark.parametrize("name", MUTANTS)
def test_what_a_mutant_breaks_stands_once_in_its_file(name: str) -> None:
    """Told in a second, without the service that the mutant's own test needs."""
    mutant = MUTANTS[name]
    assert (ROOT / mutant.file).read_text().count(mutant.sound) == 1
