"""Where Python keeps types, when it looks at them, and who looks earlier."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest
from pyspark.sql import SparkSession

from answers.evidence import Evidence, more_than
from jobs.session import release, spark
from jobs.settings import ROOT, Settings

LINES = ((2, 1999), (1, 450), (12, 75))  # quantity and price in cents
NIGHTLY = '''
"""A job with one wrong line, in a function that only runs at night."""


def total_cents(quantity: int, price_cents: int) -> int:
    return quantity * price_cents


def report(quantity: int) -> str:
    return "revenue: " + total_cents(quantity, 1250)
'''
WRONG_LINE = 1 + NIGHTLY.splitlines().index('    return "revenue: " + total_cents(quantity, 1250)')
USES = {
    "data jobs": ("jobs", "pyspark"),
    "web services": ("infra", "starlette"),
    "automation": ("dags", "airflow.sdk"),
}


@pytest.fixture(scope="module")
def session(platform: Settings) -> Iterator[SparkSession]:
    """A session on the Spark server."""
    yield spark(platform)
    release(platform)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The job as a file."""
    path = tmp_path / "nightly.py"
    path.write_text(NIGHTLY)
    return path


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_name_has_no_type_and_holds_an_int_then_a_str_a_list_and_a_dataframe(
    session: SparkSession, evidence: Evidence
) -> None:
    seen = []
    thing: Any = 3
    seen.append((repr(thing), type(thing).__name__))
    thing = "three"
    seen.append((repr(thing), type(thing).__name__))
    thing = [1, 2, 3]
    seen.append((repr(thing), type(thing).__name__))
    thing = session.createDataFrame([(3,)], "quantity int")
    seen.append((str(thing), type(thing).__name__))
    evidence.table("one name, four times bound", ("value", "type"), seen)
    evidence("its types", ", ".join(kind for _, kind in seen), "int, str, list, DataFrame")


def test_python_is_strongly_typed_and_adds_no_number_to_a_text(evidence: Evidence) -> None:
    text: Any = "1"
    with pytest.raises(TypeError) as refused:
        text + 1
    evidence("the refusal", str(refused.value), 'can only concatenate str (not "int") to str')
    evidence("said to be a number", int(text) + 1, 2)
    evidence("said to be a text", text + str(1), "11")


@dataclass
class Order:
    """An order that adds up its own lines."""

    lines: tuple[tuple[int, int], ...]

    def total_cents(self) -> int:
        """The price of all lines."""
        return sum(quantity * price for quantity, price in self.lines)


def test_objects_functions_and_plain_steps_compute_the_same_total(evidence: Evidence) -> None:
    steps = 0
    for quantity, price in LINES:
        steps += quantity * price
    totals = {
        "object": Order(LINES).total_cents(),
        "functional": reduce(lambda total, line: total + line[0] * line[1], LINES, 0),
        "procedural": steps,
    }
    evidence.table("one order in three styles", ("style", "cents"), [*totals.items()])
    evidence("total in each style", totals["object"], 2 * 1999 + 450 + 12 * 75, "cents")
    evidence("different totals", len(set(totals.values())), 1, "total")


def test_a_wrong_line_passes_the_import_and_fails_only_when_it_runs(
    job: Path, evidence: Evidence
) -> None:
    module = imported(job)
    evidence("its good function after the import", module.total_cents(2, 1250), 2500, "cents")
    with pytest.raises(TypeError) as failed:
        module.report(2)
    evidence("at run time", str(failed.value), 'can only concatenate str (not "int") to str')
    evidence("the line that failed", failed.traceback[-1].lineno + 1, WRONG_LINE)


def test_a_type_checker_finds_that_line_before_anything_runs(job: Path, evidence: Evidence) -> None:
    asked = [sys.executable, "-m", "mypy", "--cache-dir=/dev/null", "--config-file="]
    said = subprocess.run([*asked, job.name], cwd=job.parent, capture_output=True, text=True)
    found = re.findall(rf"^{job.name}:(\d+): error: (.*)$", said.stdout, re.MULTILINE)
    evidence("errors found without running it", len(found), 1, "error")
    evidence("the line it names", int(found[0][0]), WRONG_LINE)
    evidence("what it says", found[0][1])


@pytest.mark.control
def test_a_type_hint_is_not_enforced_and_a_wrong_type_gives_a_wrong_result(
    job: Path, evidence: Evidence
) -> None:
    total_cents = imported(job).total_cents
    from_a_form: Any = "3"
    evidence("three items of four cents", total_cents(int(from_a_form), 4), 12)
    evidence("the same with the text of a form", total_cents(from_a_form, 4), "3333")


def test_one_language_serves_data_jobs_web_services_automation_and_statistics(
    evidence: Evidence,
) -> None:
    files = {}
    for use, (folder, library) in USES.items():
        begins = re.compile(rf"^\s*(?:from|import) {re.escape(library)}\b", re.MULTILINE)
        texts = (path.read_text() for path in (ROOT / folder).rglob("*.py"))
        files[use] = sum(bool(begins.search(text)) for text in texts)
        evidence(f"files of {use}", files[use], more_than(0), "files")
    days = numpy.arange(30)
    slope, start = numpy.polyfit(days, 7 * days + 100, deg=1)
    evidence("slope of the fitted line", round(float(slope), 6), 7.0, "orders a day")
    evidence("its start", round(float(start), 6), 100.0, "orders")
