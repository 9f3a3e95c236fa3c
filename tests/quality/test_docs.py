"""Data Docs: Great Expectations' own pages, one suite for each table, verdicts as they were."""

import re
from datetime import date
from pathlib import Path

import pytest

from quality.docs import newest, write_site
from quality.results import DATASET, DAY_ROWS, ROW_RULE, WATCH, Result

MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)
KEPT = Result(
    "silver.a", TUESDAY, DATASET, "unique", "uniqueness", "critical", 0.0, 0.0, 0.0, 1.0, 9
)
BROKEN = Result(
    "silver.b", TUESDAY, WATCH, "references:a_id", "consistency", "warning", 0.5, 0.9, 1.0, 0.5, 9
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "of_an_earlier_pass.html").write_text("old")
    return write_site([KEPT, BROKEN], folder).parent


def _read(page: Path) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", page.read_text()).split())


def _verdict(site: Path, table: str) -> str:
    (page,) = (site / "validations" / table.replace(".", "/")).rglob("*.html")
    found = re.search(r"Status: (\w+)", _read(page))
    assert found
    return found[1]


def test_the_index_leads_to_each_table_and_says_what_it_broke(site: Path) -> None:
    index = site / "index.html"
    rows = re.findall(r'<tr[^>]*><td><a href="([^"]*)">.*?</tr>', index.read_text(), re.S)
    pages = [_read(site / page) for page in rows]
    assert ["silver.b" in page for page in pages] == [True, False]
    assert "silver.b 2026-01-06 1 1 broken silver.a 2026-01-06 1 0 kept" in _read(index)


def test_the_index_needs_no_internet(site: Path) -> None:
    assert "//" not in (site / "index.html").read_text()


def test_a_table_with_a_broken_rule_shows_as_failed_and_no_other(site: Path) -> None:
    assert _verdict(site, "silver.a") == "Succeeded"
    assert _verdict(site, "silver.b") == "Failed"


def test_a_suite_says_each_rule_with_its_bounds(site: Path) -> None:
    page = _read(site / "expectations" / "silver" / "b.html")
    assert "references:a_id" in page
    assert "0.9" in page


def test_pages_of_an_earlier_pass_are_gone(site: Path) -> None:
    assert not (site / "of_an_earlier_pass.html").exists()


def test_of_each_rule_the_newest_result_is_shown_and_records_by_rule_only() -> None:
    def result(day: date, kind: str, rule: str) -> Result:
        return Result("silver.a", day, kind, rule, "validity", "warning", 1.0, 0.0, 1.0, 1.0)

    found = newest(
        [
            result(MONDAY, ROW_RULE, "in_set:currency"),
            result(MONDAY, DAY_ROWS, "validity of records"),
            result(TUESDAY, ROW_RULE, "in_set:currency"),
        ]
    )
    assert found == [result(TUESDAY, ROW_RULE, "in_set:currency")]
