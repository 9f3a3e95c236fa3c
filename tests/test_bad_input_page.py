"""The page on bad input lists all classes, and each has its records or is tried elsewhere."""

import re

from jobs.settings import ROOT
from jobs.specs import load_specs
from tests.integration.poison import SYNTAX, TYPES
from tests.integration.poison_meaning import FILES, IDENTITY, TEXTS, TIME

CLASSES = range(1, 65)
# The suite's own files, the worked examples of a table, and what the page says is tried elsewhere.
ELSEWHERE = {17, 39, *range(43, 65)}


def _page() -> dict[int, str]:
    lines = (ROOT / "docs" / "bad-input.md").read_text().splitlines()
    rows = (re.fullmatch(r"\| (\d+) \| .* \| (.*) \|", line) for line in lines)
    return {int(row[1]): row[2] for row in rows if row}


def test_every_class_is_on_the_page_and_has_a_record() -> None:
    records = [*SYNTAX, *TYPES, *TIME, *IDENTITY, *TEXTS]
    tried = {one.number for one in records} | {file.number for file in FILES} | ELSEWHERE
    assert sorted(_page()) == sorted(tried) == list(CLASSES)


def test_a_reason_on_the_page_is_the_reason_of_some_record() -> None:
    named = {
        reason for fate in _page().values() for reason in re.findall(r"`([a-z_0-9]+)[`:]", fate)
    }
    records = [*SYNTAX, *TYPES, *TIME, *IDENTITY, *TEXTS]
    given = {one.reason for one in records} | {r for file in FILES for r in file.refused.values()}
    for spec in load_specs().values():
        given |= {reason for example in spec.examples for reason in example.get("quarantined", ())}
    assert named <= {reason.partition(":")[0] for reason in given}
