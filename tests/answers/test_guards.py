"""The guards of the answers: all answers pass, and each guard sees what it is for."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from answers.book import Answer, load_answers, read
from answers.book import test_name as name_of_test
from answers.guards import findings

WORDS = " ".join(["word"] * 320)
PAGE = """---
question: Why?
topic: foundations
kind: technical
difficulty: S
claims: [Water is wet]
systems: [Python]
related: []
---
## Answer
{answer}
## Trade-offs
Some.
## When it is wrong
Never.
## Follow-ups
**How?** So.
## Show it
`make prove A=why`
"""
PROOF = """
import pytest

@pytest.mark.control
def test_water_is_wet(evidence): ...
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound answer in a book of its own."""
    monkeypatch.setattr("answers.book.HOME", tmp_path)
    folder = tmp_path / "foundations" / "why"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(PAGE.format(answer=WORDS))
    (folder / "proof.py").write_text(PROOF)
    return folder / "README.md"


def replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new))

    return change


DEFECTS = {
    "is not the name of its folder": replaced("README.md", "topic: foundations", "topic: else"),
    "none of technical": replaced("README.md", "kind: technical", "kind: odd"),
    "none of S, M, L": replaced("README.md", "difficulty: S", "difficulty: X"),
    "it claims nothing": replaced("README.md", "[Water is wet]", "[]"),
    "letters, at most": replaced("README.md", "Water is wet", "Water is wet" * 9),
    "is no answer": replaced("README.md", "related: []", "related: [nowhere]"),
    "its sections are not": replaced("README.md", "## Trade-offs", "## Costs"),
    "not 300 to 450": replaced("README.md", WORDS, "word"),
    "the number 17 typed": replaced("README.md", "word word", "word 17"),
    "the number 3.5 % typed": replaced("README.md", "Never.", "In 3.5 % of all."),
    "links to ../gone.md": replaced("README.md", "Some.", "[Some](../gone.md)."),
    "`make nothing`": replaced("README.md", "make prove", "make nothing"),
    "none is recorded": replaced("README.md", "Some.", "{{rows}}"),
    "it has no proof.py": lambda folder: (folder / "proof.py").unlink(),
    "no test for the claim 'Water is wet'": replaced("proof.py", "is_wet", "is_dry"),
    "proves no claim": replaced("proof.py", "@pytest.mark.control", "def test_b(evidence): ...\n"),
    "shows nothing": replaced("proof.py", "(evidence)", "()"),
    "no test shows the naive way": replaced("proof.py", "@pytest.mark.control\n", ""),
    "its proof says `mark.skip`": replaced("proof.py", "@pytest.mark.control", "@pytest.mark.skip"),
}


def test_every_answer_of_the_book_is_sound() -> None:
    assert list(findings(load_answers().values())) == []


def test_a_sound_answer_has_no_findings(page: Path) -> None:
    assert list(findings([read(page)])) == []


@pytest.mark.parametrize("sentence", DEFECTS)
def test_a_defect_is_found_and_named(page: Path, sentence: str) -> None:
    DEFECTS[sentence](page.parent)
    found = list(findings([read(page)]))
    assert any(sentence in each for each in found), found


def test_a_label_that_the_recorded_run_lacks_is_found(page: Path) -> None:
    replaced("README.md", "Some.", "{{rows}} and {{gone}}")(page.parent)
    value = {"kind": "value", "claim": "test_water_is_wet", "label": "rows", "expected": "",
             "measured": 3, "unit": "", "is_met": True}  # fmt: skip
    run = {"slug": "why", "started_at": "2026-01-05T00:00:00+00:00", "commit": "c", "machine": "m",
           "seconds": 1.0, "claims": {"test_water_is_wet": ""}, "evidence": [value]}  # fmt: skip
    (page.parent / "evidence.json").write_text(json.dumps(run))
    assert [each for each in findings([read(page)]) if "'gone'" in each]
    assert not [each for each in findings([read(page)]) if "'rows'" in each]


def test_two_answers_with_the_same_claim_are_found(page: Path) -> None:
    first: Answer = read(page)
    second = replace(first, slug="other")
    assert any("why claims the same: Water is wet" in each for each in findings([first, second]))


def test_numbers_of_others_and_code_may_be_typed(page: Path) -> None:
    replaced("README.md", "Some.", "They say “100x”; `acks=1` and S3, UTF8 stay.")(page.parent)
    assert list(findings([read(page)])) == []


def test_a_claim_names_its_test() -> None:
    assert name_of_test("Don't lose 2 rows, ever") == "test_don_t_lose_2_rows_ever"
