"""What must hold of every answer, checked without running any; each finding says how to mend it."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from answers.book import PLACEHOLDER, SECTIONS, TOPICS, Answer, test_name
from answers.evidence import quoted
from answers.runs import recorded
from jobs.settings import ROOT

WORDS = range(300, 451)
LONGEST_CLAIM = 80
DIFFICULTIES = ("S", "M", "L")
KINDS = ("technical", "comparison", "metric", "behavioural", "meta")
# Code, what others say, and the names of links are not numbers of ours.
QUOTED = re.compile(r"```.*?```|`[^`]*`|“[^”]*”|\"[^\"]*\"|\]\([^)]*\)", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])\d[\d.,]*(?:\s?%|x\b)?(?!\w)")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
FORBIDDEN = re.compile(r"\b(?:pytest|mark)\.(?:skip\w*|xfail|importorskip)|\b(?:mock|MagicMock)\b")
COMMAND = re.compile(r"`make ([a-z-]+)")


def findings(answers: Iterable[Answer]) -> Iterator[str]:
    """Every sentence about what is to be mended; none if all is well."""
    book = list(answers)
    for answer in book:
        for sentence in (*_of_front(answer, book), *_of_text(answer), *_of_proof(answer)):
            yield f"{answer.topic}/{answer.slug}: {sentence}"
    yield from _twice(book)


def tests_of(proof: Path) -> dict[str, ast.FunctionDef]:
    """The tests that a proof defines, by name."""
    body = _tree(proof).body
    return {
        node.name: node
        for node in body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def _of_front(answer: Answer, book: list[Answer]) -> Iterator[str]:
    if answer.folder.parent.name not in TOPICS or not answer.folder.is_dir():
        yield f"its topic {answer.topic!r} is not the name of its folder; make them the same."
    if answer.kind not in KINDS:
        yield f"kind {answer.kind!r} is none of {', '.join(KINDS)}."
    if answer.difficulty not in DIFFICULTIES:
        yield f"difficulty {answer.difficulty!r} is none of S, M, L."
    if not answer.claims:
        yield "it claims nothing; say in `claims` what its proof shows."
    for claim in answer.claims:
        if len(claim) > LONGEST_CLAIM:
            yield f"a claim has {len(claim)} letters, at most {LONGEST_CLAIM}; shorten: {claim}"
    slugs = {each.slug for each in book}
    for other in answer.related:
        if other not in slugs:
            yield f"related {other!r} is no answer; correct the name or remove it."


def _of_text(answer: Answer) -> Iterator[str]:
    if tuple(answer.sections) != SECTIONS:
        yield f"its sections are not {', '.join(SECTIONS)}, in this order; write them so."
        return
    words = len(PLACEHOLDER.sub("x", answer.sections["Answer"]).split())
    if words not in WORDS:
        yield f"the answer has {words} words, not {WORDS[0]} to {WORDS[-1]}; cut or add."
    for name, text in answer.sections.items():
        prose = PLACEHOLDER.sub(" ", QUOTED.sub(" ", text))
        for number in NUMBER.findall(prose):
            yield f"{name} has the number {number} typed; quote evidence as {{{{label}}}}."
        for target in LINK.findall(text):
            if "://" not in target and not (answer.folder / target).exists():
                yield f"{name} links to {target}, which is not there; correct the link."
        for target in COMMAND.findall(text):
            if target not in _targets():
                yield f"{name} names `make {target}`, which the Makefile lacks; correct it."
    yield from _of_placeholders(answer)


def _of_placeholders(answer: Answer) -> Iterator[str]:
    if not answer.placeholders():
        return
    run = recorded(answer)
    mend = f"run `make prove A={answer.slug} RECORD=1`."
    if run is None:
        yield f"its text quotes evidence and none is recorded; {mend}"
        return
    for label in sorted(answer.placeholders() - quoted(run.evidence).keys()):
        yield f"its text quotes {label!r}, which the recorded evidence lacks; {mend}"


def _of_proof(answer: Answer) -> Iterator[str]:
    if not answer.proof.exists():
        yield "it has no proof.py; write one test for each claim."
        return
    tests = tests_of(answer.proof)
    claimed = {test_name(claim): claim for claim in answer.claims}
    for name, claim in claimed.items():
        if name not in tests:
            yield f"no test for the claim {claim!r}; write {name}."
    for name, test in tests.items():
        if name not in claimed and not _is_control(test):
            yield f"{name} proves no claim; claim it, or mark it `control`."
        if "evidence" not in [each.arg for each in test.args.args]:
            yield f"{name} shows nothing; give it `evidence` and record what it measures."
    if not any(map(_is_control, tests.values())):
        yield "no test shows the naive way failing; mark one with @pytest.mark.control."
    for word in sorted({*FORBIDDEN.findall(answer.proof.read_text())}):
        yield f"its proof says `{word}`; a proof runs, on real parts."


def _is_control(test: ast.FunctionDef) -> bool:
    return any(ast.unparse(each) == "pytest.mark.control" for each in test.decorator_list)


def _twice(book: list[Answer]) -> Iterator[str]:
    owner: dict[str, str] = {}
    for answer in book:
        for claim in answer.claims:
            first = owner.setdefault(test_name(claim), answer.slug)
            if first != answer.slug:
                yield f"{answer.topic}/{answer.slug}: {first} claims the same: {claim}"


@cache
def _tree(proof: Path) -> ast.Module:
    return ast.parse(proof.read_text(), str(proof))


@cache
def _targets() -> frozenset[str]:
    lines = (ROOT / "Makefile").read_text().splitlines()
    rules = [line.partition(":")[0] for line in lines if re.match(r"[a-z][a-z -]*:", line)]
    return frozenset(name for rule in rules for name in rule.split())
