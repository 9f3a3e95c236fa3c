"""One question to an RDD and to a DataFrame: the answer, the plan, the mistakes, the odd log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.errors import PySparkAttributeError

from answers.evidence import Evidence, more_than
from answers.labs.classic import run_script
from jobs.session import spark
from jobs.settings import Settings

SCRIPT = Path(__file__).with_name("rdd.py")
COLUMNS_READ = ("category", "quantity", "price_cents", "status")
COLUMNS_STORED = 6
LOG_FILES = 4
ENTRIES_IN_FILE = 50


@pytest.fixture(scope="module")
def found() -> Mapping[str, Any]:
    return run_script(SCRIPT)


def true_revenue_cents(events: int) -> dict[str, int]:
    """The revenue of each category, by arithmetic and without Spark."""
    ids = np.arange(events, dtype=np.int64)
    amounts = (ids % 3 + 1) * (ids * 7919 % 9973 + 100)
    is_paid = ids % 10 != 0
    return {
        f"category {number}": int(amounts[is_paid & (ids * 31 % 7 == number)].sum())
        for number in range(7)
    }


def test_map_works_on_any_object_and_filter_on_a_named_column(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown = found["snippets"]
    evidence("rdd.map(lambda x: x * 2)", str(shown["rdd.map"]), "[2, 4, 6, 8, 10]")
    evidence("people.filter(people.id > 1)", str(shown["df.filter"]), "['Bob']")


def test_both_give_the_same_revenue_to_the_cent_at_very_different_cost(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown = found["revenues"]
    truth = true_revenue_cents(shown["events"])
    evidence("events", shown["events"], unit="events")
    for way, cents in shown["revenue_cents"].items():
        assert cents == truth, way
    evidence("ways with the true revenue", len(shown["revenue_cents"]), 3, "of three")
    evidence("revenue in cents", sum(truth.values()), more_than(0))
    seconds = shown["seconds"]
    evidence.series("seconds for the same revenue", seconds, "s")
    evidence("RDD over lines", seconds["RDD over lines"], unit="s")
    evidence("DataFrame over the same lines", seconds["DataFrame over lines"], unit="s")
    evidence("DataFrame over Parquet", seconds["DataFrame over columns"], unit="s")
    ratio = seconds["RDD over lines"] / seconds["DataFrame over lines"]
    evidence("RDD to DataFrame, same lines", ratio, unit="times")
    code = shown["code_lines"]
    evidence("code of the RDD", code["RDD"], unit="lines")
    evidence("code of the DataFrame", code["DataFrame"], unit="lines")


def test_a_dataframe_has_a_plan_whose_filter_and_columns_reach_into_the_file(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    plan = found["revenues"]["plan"]
    scan = next(line for line in plan.splitlines() if "FileScan parquet" in line)
    pushed = scan.partition("PushedFilters: ")[2].partition("]")[0] + "]"
    evidence("pushed into the scan", pushed, "[IsNotNull(status), EqualTo(status,paid)]")
    read = scan.partition("ReadSchema: struct<")[2].partition(">")[0].split(",")
    assert {column.partition(":")[0] for column in read} == set(COLUMNS_READ)
    evidence("columns read", len(read), len(COLUMNS_READ), f"of {COLUMNS_STORED}")
    generated = {word for word in plan.split() if word.startswith("*(")}
    evidence("stages compiled to one function each", len(generated), 2, "stages")


def test_an_rdd_runs_its_functions_in_the_order_they_are_written(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown = found["order_of_steps"]
    evidence("calls, filter written last", shown["rdd_calls"]["last"], shown["rows"], "calls")
    evidence(
        "calls, filter written first", shown["rdd_calls"]["first"], shown["rows"] // 10, "calls"
    )
    evidence("Catalyst makes one plan of both orders", shown["same_plan"], True)


@pytest.mark.control
def test_without_a_schema_a_wrong_field_fails_only_when_the_job_runs(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown = found["wrong_names"]
    evidence("an RDD, inside its job", shown["RDD"], "IndexError:")
    evidence("a DataFrame, before any job", shown["DataFrame"], "UNRESOLVED_COLUMN.WITH_SUGGESTION")


def test_an_rdd_reads_entries_of_many_lines_that_a_table_reader_tears_apart(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown = found["logs"]
    truth = sorted(
        (f"2026-01-05T10:{entry:02}:00Z order={file}-{entry} refused", entry % 4)
        for file in range(LOG_FILES)
        for entry in range(ENTRIES_IN_FILE)
    )
    assert [(head, trace) for head, trace in shown["entries"]] == truth
    evidence("entries that the RDD found", len(shown["entries"]), len(truth), "entries")
    evidence("rows that the reader made", shown["rows"], more_than(len(truth)), "rows")
    orphans = sum(trace for _, trace in truth)
    evidence("of them without an entry", shown["orphans"], orphans, "rows")


@pytest.mark.control
def test_spark_connect_has_no_rdds(platform: Settings, evidence: Evidence) -> None:
    session = spark(platform)
    with pytest.raises(PySparkAttributeError) as refused:
        session.sparkContext.parallelize([1])
    evidence(
        "sparkContext on Connect", str(refused.value.getCondition()), "JVM_ATTRIBUTE_NOT_SUPPORTED"
    )
    frame = session.createDataFrame([(1, "Alice"), (2, "Bob")], ["id", "name"])
    evidence("people.filter on Connect", frame.filter(frame.id > 1).collect()[0]["name"], "Bob")
