"""Proofs as they run, for whoever watches: each claim as it is decided, and what was measured."""

import time
from pathlib import Path

import pytest

from answers.book import find, test_name
from answers.evidence import Item, Series, Table, Value, shown
from answers.keeper import SHOWN
from answers.runs import Run

BAR = 30


class Live:
    """A pytest plugin that prints in place of pytest's own report."""

    def __init__(self) -> None:
        self._slug = ""
        self._started = 0.0

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        slug = Path(nodeid.partition("::")[0]).parent.name
        if slug != self._slug:
            self._slug = slug
            _say(f"\n{find(slug).question}   ({slug})")
        self._started = time.monotonic()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
        report = yield
        if call.when == "call" or report.failed:
            self._tell(item, report)
        return report

    def _tell(self, item: pytest.Item, report: pytest.TestReport) -> None:
        claims = {test_name(claim): claim for claim in find(self._slug).claims}
        name = getattr(item, "originalname", item.name)
        sentence = claims.get(name) or name.removeprefix("test_").replace("_", " ")
        mark = "proven " if report.passed else "BROKEN "
        seconds = time.monotonic() - self._started
        _say(f"\n  {mark} {sentence}   {seconds:.1f} s")
        evidence = item.stash.get(SHOWN, None)
        for each in evidence.items if evidence else ():
            _say(*lines(each))
        if report.failed:
            _say(*(f"      {line}" for line in report.longreprtext.splitlines()[-25:]))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            _say(report.longreprtext)


def summary(run: Run) -> None:
    """The last line of a proof."""
    proven = sum(1 for failure in run.claims.values() if not failure)
    verdict = "PROVEN" if run.is_proven else "BROKEN"
    _say(f"\n  {verdict}   {proven} of {len(run.claims)} tests in {run.seconds:.1f} s")


def lines(item: Item) -> list[str]:
    """What was shown, for a terminal."""
    if isinstance(item, Value):
        wanted = f"expected {item.expected}" if item.expected else ""
        mark = " " if item.is_met else "!"
        return [f"    {mark} {item.label:<52} {item.text:>18}   {wanted}".rstrip()]
    if isinstance(item, Table):
        return [f"      {item.label}", *_grid(item)]
    return [f"      {item.label}", *_bars(item)]


def _grid(table: Table) -> list[str]:
    rows = [table.columns, *(tuple(map(shown, row)) for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    return [
        "        " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    ]


def _bars(series: Series) -> list[str]:
    most = max(map(abs, series.points.values()), default=0) or 1
    width = max(map(len, series.points), default=0)
    return [
        f"        {name.ljust(width)} {'█' * max(1, round(BAR * abs(value) / most)):<{BAR}} "
        f"{shown(value)} {series.unit}".rstrip()
        for name, value in series.points.items()
    ]


def _say(*texts: str) -> None:
    for text in texts:
        print(text, flush=True)
