"""`make bench`: what the platform costs, printed and written to docs/bench.json.

`make bench PARTS="start events"` measures some of it; the other figures of the file stay.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.airflow.client import Airflow
from infra.bench import (
    console,
    daily_revenue,
    events,
    idle,
    increments,
    small_runs,
    streams,
    suite,
)
from infra.bench.memory import peak_memory
from infra.bench.timing import timed
from infra.machine import calibration_seconds, machine
from infra.native.down import down, reset
from infra.native.up import complete, up
from jobs.errors import LakeproofError
from jobs.settings import ROOT, Settings, load_settings

INSTANCE = "bench"
RESULT = ROOT / "docs" / "bench.json"
ORDERS = 1_000_000
EVENTS = 5_000_000
Figures = dict[str, Any]
FRESHNESS = [
    ("first", "bronze at 1,000/s, the first half minute after a start", ("", "")),
    ("bronze_1000", "bronze at 1,000/s", ("0.8", "2")),
    ("bronze_10000", "bronze at 10,000/s", ("0.8", "2")),
    ("bronze_30000", "bronze at 30,000/s", ("0.8", "2")),
    ("mart", "mart at 1,000/s", ("", "8")),
]
# Part, figure, what it says, unit, goal.
LINES = [
    ("start", "seconds", "make up to healthy, everything installed", "s", "45"),
    ("task", "seconds", "trivial Spark task in Airflow, start to next start", "s", "0.4"),
    ("idle", "percent_of_a_core", "all services at rest, of one core", "%", "25"),
    ("idle", "rest_memory_gib", "memory of all services at rest", "GiB", "3.5"),
    ("console", "slowest_page_seconds", "the console's slowest page beside hogs", "s", "1"),
    ("small", "median_seconds", "a run of 300 orders, median of all tables", "s", "0.8"),
    ("small", "median_calls", "calls to Spark of such a run, median", "", "6"),
    ("small", "most_calls", "calls to Spark of such a run, most", "", ""),
    ("demo", "seconds", "make demo, 20,000 orders, first after a start", "s", "180"),
    ("demo", "second_day_seconds", "make demo, the second day", "s", "90"),
    ("revenue", "rows_per_second", "raw -> mart, order records", "rows/s", ""),
    ("revenue", "duckdb_rows_per_second", "DuckDB, same computation and bytes", "rows/s", ""),
    ("revenue", "ratio", "ratio", "x", "5"),
    ("revenue", "gates_percent", "gates, share of the wall time", "%", "10"),
    ("events", "events", "events of all kinds, raw -> marts in Airflow", "", ""),
    ("events", "seconds", "wall time of these", "s", "60"),
    ("events", "ratio", "ratio to DuckDB, tasks of daily_revenue", "x", "5"),
    ("increments", "ratio", "increment 200 to increment 10", "x", "1.1"),
    *[
        ("freshness", f"{place}_{name}_seconds", f"ack to {told}, {name}", "s", goal)
        for place, told, goals in FRESHNESS
        for name, goal in zip(("p50", "p99"), goals, strict=True)
    ],
    ("held", "per_second", "orders for ten minutes", "/s", "30,000"),
    ("held", "second_minute_seconds", "ack to bronze in their second minute, p50", "s", ""),
    ("held", "last_minute_seconds", "ack to bronze in their last minute, p50", "s", ""),
    ("catch_up", "records_per_second", "backlog into bronze", "rows/s", "120,000"),
    (
        "producers",
        "confluent_per_second",
        "one producer with its ledger, confluent-kafka",
        "/s",
        "150,000",
    ),
    ("producers", "kafka_python_per_second", "the same, kafka-python", "/s", ""),
    ("tests", "minutes", "make test, everything installed", "min", "25"),
    ("demo", "peak_memory_gib", "memory of all services at peak, demo", "GiB", "6"),
    ("events", "peak_memory_gib", "memory of all services at peak, events", "GiB", "10"),
]


def main(chosen: list[str]) -> None:
    """Nothing; the figures are printed and stored, each part as soon as it is known.

    Raises: SystemExit with the reason if something could not be measured.
    """
    if unknown := set(chosen) - PARTS.keys():
        sys.exit(f"error: no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    found: Figures = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    try:
        up(INSTANCE)
        complete(INSTANCE)
        settings = load_settings()
        for name in chosen or PARTS:
            print(f"\nmeasuring {name}", flush=True)
            found[name] = {**_circumstances(), **PARTS[name](settings)}
            RESULT.write_text(json.dumps(found, indent=2) + "\n")
    except (LakeproofError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
    _print(found)
    reset(INSTANCE)


def _circumstances() -> Figures:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "calibration_seconds": calibration_seconds(),
    }


def _start(_settings: Settings) -> Figures:
    """Seconds from `make up` to healthy with everything installed and the state initialised."""
    down(INSTANCE)
    started = time.monotonic()
    up(INSTANCE)
    return {"seconds": round(time.monotonic() - started, 1)}


def _demo(_settings: Settings) -> Figures:
    """Wall time of `make demo`, and of the next one, a day later."""

    def seconds() -> float:
        return round(timed(lambda: subprocess.run(["make", "demo"], cwd=ROOT, check=True)), 1)

    return {"seconds": seconds(), "second_day_seconds": seconds()}


def _task(settings: Settings) -> Figures:
    """The median seconds from one trivial Spark task's start to the next one's."""
    airflow = Airflow(settings)
    airflow.make_ready(["overhead"])
    starts = sorted(result.started_at for result in airflow.run_through(["overhead"]))
    gaps = sorted(
        (after - before).total_seconds() for before, after in zip(starts, starts[1:], strict=False)
    )
    return {"seconds": round(gaps[len(gaps) // 2], 2)}


def _in_a_folder(
    measure: Callable[[Settings, int, Path], Figures], variable: str, usual: int
) -> Callable[[Settings], Figures]:
    """The part that measures as many as the variable says, with files in a folder that goes."""

    def part(settings: Settings) -> Figures:
        with tempfile.TemporaryDirectory() as folder:
            return measure(settings, int(os.environ.get(variable) or usual), Path(folder))

    return part


def _tests(settings: Settings) -> Figures:
    """Minutes of `make test`, whose end leaves nothing to measure: it comes last."""
    with tempfile.TemporaryDirectory() as folder:
        return suite.measure(settings, Path(folder))


def _with_peak(measure: Callable[[Settings], Figures]) -> Callable[[Settings], Figures]:
    """The part, with the most memory that all services held meanwhile."""

    def part(settings: Settings) -> Figures:
        with peak_memory(INSTANCE) as peak:
            figures = measure(settings)
        return {**figures, **peak}

    return part


PARTS: dict[str, Callable[[Settings], Figures]] = {
    "start": _start,
    "idle": idle.measure,
    "console": console.measure,
    "small": small_runs.measure,
    "demo": _with_peak(_demo),
    "task": _task,
    "revenue": _with_peak(_in_a_folder(daily_revenue.measure, "ORDERS", ORDERS)),
    "events": _with_peak(_in_a_folder(events.measure, "EVENTS", EVENTS)),
    "increments": increments.measure,
    "freshness": streams.freshness,
    "held": streams.held,
    "catch_up": streams.catch_up,
    "producers": streams.producers,
    "tests": _tests,
}


def _print(found: Figures) -> None:
    print()
    for part, figure, name, unit, goal in LINES:
        if figure in found.get(part, {}):
            told = f"{found[part][figure]:>12,} {unit:<7}{f'goal {goal}' if goal else ''}"
            speed = found[part].get("calibration_seconds", "")
            print(f"{name:<52}{told:<32}{found[part]['measured_at'][:16]}  {speed}")
    print(f"\nwritten to {RESULT.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
