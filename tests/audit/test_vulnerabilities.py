"""A report counts only as far as it knows the packages, and a waiver only until its day."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from infra.audit import tools, vulnerabilities
from infra.audit.vulnerabilities import Waiver, WaiverError, judge, read_waivers

CLEAN = {"name": "lz4", "version": "4.4", "vulns": []}
SKIPPED = {"name": "xxhash", "skip_reason": "Dependency not found on PyPI"}
BAD = {
    "name": "jinja2",
    "version": "2.11.2",
    "vulns": [{"id": "PYSEC-2021-66", "aliases": ["CVE-2020-28493"], "fix_versions": ["2.11.3"]}],
}


def report(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(packages), "fixes": []}


def waiver(name: str) -> Waiver:
    return Waiver(name, "jinja2", "no template comes from outside", date(2026, 12, 31))


def test_packages_without_vulnerabilities_pass() -> None:
    assert judge(report(CLEAN), []).outcome == "passed"


def test_a_vulnerability_fails_with_the_version_that_mends_it() -> None:
    found = judge(report(CLEAN, BAD), [])
    assert found.outcome == "failed"
    assert found.findings == ("jinja2 2.11.2: PYSEC-2021-66, mended in 2.11.3",)


@pytest.mark.parametrize("name", ["PYSEC-2021-66", "CVE-2020-28493"])
def test_a_waived_vulnerability_passes_by_any_of_its_names(name: str) -> None:
    assert judge(report(BAD), [waiver(name)]).outcome == "passed"


def test_a_waiver_of_something_else_waives_nothing() -> None:
    assert judge(report(BAD), [waiver("PYSEC-2021-67")]).outcome == "failed"
    assert judge(report(CLEAN), [waiver("PYSEC-2021-67")]).findings == ("PYSEC-2021-67",)


def test_packages_the_source_does_not_know_are_not_checked() -> None:
    found = judge(report(CLEAN, SKIPPED), [])
    assert (found.outcome, "xxhash" in found.reason) == ("not checked", True)
    assert judge(report(), []).outcome == "not checked"


def test_a_vulnerability_fails_although_another_package_was_skipped() -> None:
    assert judge(report(BAD, SKIPPED), []).outcome == "failed"


def test_a_source_that_knows_no_known_vulnerability_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vulnerabilities, "ask", lambda requirements: report(CLEAN))
    found = vulnerabilities.python_verdict()
    assert found.outcome == "not checked"
    assert vulnerabilities.KNOWN_VULNERABLE in found.reason


def test_without_the_tool_nothing_was_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tools.bootstrap, "uv", lambda: str(tmp_path / "no-uv"))
    found = vulnerabilities.python_verdict()
    assert found.outcome == "not checked"
    assert "no-uv cannot be started" in found.reason


def test_an_expired_waiver_fails_even_where_nobody_can_be_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tools.bootstrap, "uv", lambda: str(tmp_path / "no-uv"))
    monkeypatch.setattr(vulnerabilities, "WAIVERS", tmp_path / "waivers.yml")
    entry = "- {id: CVE-1, package: lz4, reason: not reached, expires: 2020-01-31}\n"
    vulnerabilities.WAIVERS.write_text(entry)
    found = vulnerabilities.python_verdict()
    assert (found.outcome, found.findings) == (
        "failed",
        ("CVE-1 of lz4 was waived until 2020-01-31",),
    )


def test_a_waiver_holds_through_its_last_day() -> None:
    waived = [waiver("CVE-1")]
    assert list(vulnerabilities.expired(waived, date(2026, 12, 31))) == []
    assert list(vulnerabilities.expired(waived, date(2027, 1, 1))) != []


@pytest.mark.parametrize(
    "entry",
    [
        "{id: CVE-1, package: lz4, expires: 2027-01-31}",
        "{id: CVE-1, package: lz4, reason: '', expires: 2027-01-31}",
        "{id: CVE-1, package: lz4, reason: why, expires: never}",
        "{id: CVE-1, package: lz4, reason: why, expires: 2027-01-31, until: 2028-01-31}",
    ],
)
def test_a_waiver_without_reason_or_date_is_refused(entry: str, tmp_path: Path) -> None:
    path = tmp_path / "waivers.yml"
    path.write_text(f"- {entry}\n")
    with pytest.raises(WaiverError, match="CVE-1"):
        read_waivers(path)


def test_waivers_of_this_repository_can_be_read() -> None:
    read_waivers(vulnerabilities.WAIVERS)
