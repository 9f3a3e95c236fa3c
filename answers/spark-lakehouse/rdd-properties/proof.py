"""What an RDD is, seen on two executors, one of which is killed in the middle of its work."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from answers.evidence import Evidence, at_least, more_than
from answers.labs.classic import run_script

SCRIPT = Path(__file__).with_name("rdd.py")
ORDERS = 8_000
PARTITIONS = 8
CUSTOMERS = 10
TRUE_SUMS = {
    str(customer): sum(number * 7919 % 9973 for number in range(customer, ORDERS, CUSTOMERS))
    for customer in range(CUSTOMERS)
}


@pytest.fixture(scope="module")
def found() -> Mapping[str, Any]:
    return run_script(SCRIPT)


def test_an_rdd_is_cut_into_partitions_that_lie_on_several_executors(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown = found["parts"]
    evidence("partitions", shown["partitions"], PARTITIONS, "partitions")
    placed = shown["on_executors"]
    evidence("executors that had some of them", len(placed), 2, "executors")
    assert sorted(sum(placed, [])) == list(range(PARTITIONS))
    evidence.table(
        "which executor computed which partitions",
        ("executor", "partitions"),
        [(name, str(partitions)) for name, partitions in enumerate(placed, 1)],
    )
    assert shown["sums"] == TRUE_SUMS


def test_an_rdd_is_immutable_a_change_makes_another_and_leaves_it_as_it_was(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown = found["changes"]
    evidence("rdd[0] = ...", shown["refused"], "'RDD' object does not support item assignment")
    evidence("the RDD made by the change", str(shown["grown"]), "[[1, 0], [2, 0], [3, 0]]")
    evidence("the RDD it was made from", str(shown["rows"]), "[[1], [2], [3]]")


def test_an_rdd_knows_its_lineage_every_step_back_to_its_source(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    lineage = found["parts"]["lineage"]
    evidence.table("toDebugString", ("step",), [(step,) for step in lineage])
    evidence("steps of lineage", len(lineage), at_least(4), "steps")
    evidence("last step back", lineage[-1].split("[")[0].strip("| "), "ParallelCollectionRDD")


@pytest.mark.control
def test_an_rdd_is_in_memory_only_when_cached_else_each_action_computes_it(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    without, cached = found["caching"]["not cached"], found["caching"]["cached"]
    assert without["same"] and cached["same"]
    evidence("rows of the RDD", ORDERS, unit="rows")
    evidence("computed for two sums, not cached", without["rows_computed"], 2 * ORDERS, "rows")
    evidence("computed for two sums, cached", cached["rows_computed"], ORDERS, "rows")
    evidence("in memory, not cached", without["bytes_in_memory"], 0, "bytes")
    evidence("in memory, cached", cached["bytes_in_memory"], more_than(0), "bytes")
    evidence("level, not cached", without["level"], "Serialized 1x Replicated")
    evidence("level, cached", cached["level"], "Memory Serialized 1x Replicated")


def test_a_lost_executor_s_partitions_and_only_those_are_computed_again(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown = found["killed"]
    evidence("executors lost", shown["executors_lost"], 1, "executor")
    lost, again = shown["partitions_lost"], shown["computed_again"]
    evidence("partitions lost with it", str(lost))
    evidence("partitions computed again", str(again), str(lost))
    evidence("tasks run again", len(again), at_least(PARTITIONS // 2), "tasks")
    evidence("running tasks that failed with it", shown["tasks_failed"], at_least(1), "task")
    assert shown["sums"] == found["parts"]["sums"] == TRUE_SUMS
    evidence("sums as in the undisturbed run", len(shown["sums"]), CUSTOMERS, f"of {CUSTOMERS}")


@pytest.mark.control
def test_with_its_lineage_cut_a_lost_partition_is_gone_and_the_job_fails(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown = found["killed_without_lineage"]
    evidence("rows before the loss", shown["rows"], ORDERS, "rows")
    evidence("steps of the cut lineage", shown["lineage"])
    evidence("the job after the loss", shown["said"], "Checkpoint block")
