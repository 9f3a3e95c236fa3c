"""The platform broken on purpose, in a copy: the answer that speaks of the broken thing turns red.

A proof that stayed green would prove something else than the platform it runs on.
"""

import re
from pathlib import Path

import pytest

from answers import guards
from answers.book import find
from answers.book import test_name as name_of_test
from jobs.settings import ROOT, Settings
from tests.mutants import MUTANTS
from tests.tree import copied, python

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, whole between two tests."""
    return copied(tmp_path_factory.mktemp("mutants"))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.proof_of(one.answer)) for name, one in MUTANTS.items()],
)
def test_a_broken_platform_turns_the_right_answer_red(
    tree: Path, module_settings: Settings, name: str
) -> None:
    mutant = MUTANTS[name]
    file = tree / mutant.file
    sound = file.read_text()
    assert sound.count(mutant.sound) == 1, f"{mutant.file} no longer says {mutant.sound!r} once"
    test = name_of_test(mutant.claim)
    proof = find(mutant.answer).proof
    assert test in guards.tests_of(proof)
    file.write_text(sound.replace(mutant.sound, mutant.broken))
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--tb=short"]
    try:
        done = python(
            tree, *command, f"{proof.relative_to(ROOT)}::{test}", **module_settings.environment()
        )
    finally:
        file.write_text(sound)
    assert done.returncode == 1, f"{mutant.answer} stayed green:\n{done.stdout}{done.stderr}"
    assert re.search(f"^(FAILED|ERROR) .*::{test}", done.stdout, re.MULTILINE), done.stdout
