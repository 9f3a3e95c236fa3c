"""Ten passes of k-means three ways: what each reads and writes, and how far from "100x" it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from answers.evidence import Evidence, at_least, less_than
from answers.labs.classic import run_script

SCRIPT = Path(__file__).with_name("kmeans.py")
PASSES = 10
TOLD_BY_OTHERS = 100
MEGA = 1_000_000
FIRST_CENTRES = [[30.0, 30.0, 9000.0], [180.0, 10.0, 4000.0], [330.0, 20.0, 500.0]]
WAYS = {
    "through_disk": "each stage through disk",
    "from_file": "Spark, not cached",
    "from_memory": "Spark, cached",
}


@pytest.fixture(scope="module")
def found() -> Mapping[str, Any]:
    return run_script(SCRIPT)


def true_centres(customers: int) -> list[list[float]]:
    """The centres after the last pass, by numpy and without Spark."""
    ids = np.arange(customers, dtype=np.int64)
    drawn = (ids * 7919 % 365, ids * 104729 % 41, ids * 1299709 % 9973)
    points = np.stack(drawn, axis=1)
    centres = FIRST_CENTRES
    for _ in range(PASSES):
        squares = [((points - np.array(centre)) ** 2) for centre in centres]
        nearest = np.argmin([each[:, 0] + each[:, 1] + each[:, 2] for each in squares], axis=0)
        groups = [points[nearest == number] for number in range(len(centres))]
        centres = [[int(total) / len(group) for total in group.sum(axis=0)] for group in groups]
    return centres


def test_ten_passes_end_in_the_same_place_on_disk_or_in_memory(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    evidence("customers", found["customers"], unit="customers")
    truth = true_centres(found["customers"])
    for way, shown in found["passes"].items():
        assert shown["centres"] == truth, way
    evidence("ways that end in numpy's centres", len(found["passes"]), 3, "of three")
    assert truth != FIRST_CENTRES
    evidence.table(
        "centres after ten passes",
        ("days since last order", "orders", "cents spent"),
        [[round(value, 2) for value in centre] for centre in truth],
    )


def test_through_disk_every_pass_writes_its_rows_and_reads_them_again(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    size, shown = found["file_bytes"], found["passes"]["through_disk"]
    evidence("the customers' file", size / MEGA, unit="MB")
    evidence("written through disk", shown["written"] / MEGA, at_least(PASSES * size / MEGA), "MB")
    evidence("read through disk", shown["read"] / MEGA, at_least(2 * PASSES * size / MEGA), "MB")


def test_without_a_cache_spark_reads_its_input_again_in_every_pass(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    size, shown = found["file_bytes"], found["passes"]["from_file"]
    evidence("written, not cached", shown["written"], 0, "bytes")
    evidence("file read, not cached", round(shown["read"] / size), PASSES, "times")


def test_with_a_cache_ten_passes_read_the_input_once(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    size, shown = found["file_bytes"], found["passes"]["from_memory"]
    evidence("written, cached", shown["written"], 0, "bytes")
    evidence("file read, cached", round(shown["read"] / size), 1, "times")


def test_what_memory_gains_here_stays_far_below_100_times(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    seconds = {way: found["passes"][way]["seconds"] for way in WAYS}
    totals = {name: sum(seconds[way]) for way, name in WAYS.items()}
    evidence.series("seconds for ten passes", totals, "s")
    for name, total in totals.items():
        evidence(name, total, unit="s")
    memory = totals["Spark, cached"]
    gain = totals["each stage through disk"] / memory
    evidence("gain over disk, ten passes", gain, less_than(TOLD_BY_OTHERS), "times")
    evidence("gain over no cache, ten passes", totals["Spark, not cached"] / memory, unit="times")
    last_passes = [sum(seconds[way][1:]) for way in ("through_disk", "from_memory")]
    best = last_passes[0] / last_passes[1]
    evidence("gain once the cache is full", best, less_than(TOLD_BY_OTHERS), "times")


@pytest.mark.control
def test_a_single_pass_gains_nothing_from_a_cache(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    size, once = found["file_bytes"], found["one_pass"]
    for way, name in (("from_file", "not cached"), ("from_memory", "cached")):
        evidence(f"file read by one pass, {name}", round(once[way]["read"] / size), 1, "times")
        evidence(f"one pass, {name}", once[way]["seconds"][0], unit="s")
    assert once["from_file"]["centres"] == once["from_memory"]["centres"]
