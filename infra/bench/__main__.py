"""`make bench`: what the platform costs, printed and written to docs/bench.json."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from infra.airflow.client import Airflow
from infra.bench import ratio
from infra.native import status
from infra.native.down import down, reset
from infra.native.instance import load_or_create
from infra.native.up import up
from jobs.errors import LakeproofError
from jobs.settings import ROOT, Settings, load_settings

INSTANCE = "bench"
RESULT = ROOT / "docs" / "bench.json"
SAMPLE_SECONDS = 1.0
GIB = 1 << 30
GOALS = {
    "up_seconds": "45",
    "airflow_task_seconds": "0.6",
    "ratio": "5",
    "peak_memory_gib": "6",
}


def main() -> None:
    """Nothing; the figures are printed and stored.

    Raises: SystemExit with the reason if something could not be measured.
    """
    orders = int(os.environ.get("ORDERS") or 1_000_000)
    try:
        found = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), **_machine()}
        found |= _start()
        settings = load_settings()
        with _memory_peak() as memory:
            found |= _demo()
            found["airflow_task_seconds"] = _task_cost(settings)
            with tempfile.TemporaryDirectory() as folder:
                found["raw_to_mart"] = ratio.measure(settings, orders, Path(folder))
        found |= memory
    except (LakeproofError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    _print(found)
    reset(INSTANCE)


def _machine() -> dict[str, Any]:
    memory = psutil.virtual_memory().total / GIB
    return {"machine": f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"}


def _start() -> dict[str, Any]:
    """Seconds from `make up` to healthy with everything installed and the state initialised."""
    up(INSTANCE)
    down(INSTANCE)
    started = time.monotonic()
    up(INSTANCE)
    seconds = time.monotonic() - started
    return {"up_seconds": round(seconds, 1), "rest_memory_gib": round(_memory_bytes() / GIB, 2)}


def _memory_bytes() -> int:
    return sum(row.memory_bytes for row in status.rows(load_or_create(INSTANCE)))


@contextmanager
def _memory_peak() -> Iterator[dict[str, Any]]:
    """The peak memory of all services, known when the block is left."""
    found: dict[str, Any] = {"peak_memory_gib": 0.0}
    done = threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLE_SECONDS):
            found["peak_memory_gib"] = max(
                found["peak_memory_gib"], round(_memory_bytes() / GIB, 2)
            )

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def _demo() -> dict[str, Any]:
    """Wall time of `make demo`, the first after a start."""
    started = time.monotonic()
    subprocess.run(["make", "demo"], cwd=ROOT, check=True)
    return {"demo_seconds": round(time.monotonic() - started, 1)}


def _task_cost(settings: Settings) -> float:
    """The median seconds from one trivial Spark task's start to the next one's."""
    airflow = Airflow(settings)
    airflow.unpause("overhead")
    since = datetime.now(UTC)
    airflow.start("overhead")
    starts = sorted(result.started_at for result in airflow.results(["overhead"], since))
    gaps = sorted(
        (after - before).total_seconds() for before, after in zip(starts, starts[1:], strict=False)
    )
    return round(gaps[len(gaps) // 2], 2)


def _print(found: dict[str, Any]) -> None:
    flow = found["raw_to_mart"]
    rows = [
        ("make up to healthy, installed", found["up_seconds"], "s", GOALS["up_seconds"]),
        ("trivial Spark task in Airflow, start to next start", found["airflow_task_seconds"], "s",
         GOALS["airflow_task_seconds"]),
        ("make demo, 20,000 orders, first after start", found["demo_seconds"], "s", ""),
        ("raw -> mart, orders", flow["platform_rows_per_second"], "rows/s", ""),
        ("DuckDB on the same bytes", flow["duckdb_rows_per_second"], "rows/s", ""),
        ("ratio", flow["ratio"], "x", GOALS["ratio"]),
        ("memory of all services at rest", found["rest_memory_gib"], "GiB", ""),
        ("memory of all services at peak", found["peak_memory_gib"], "GiB",
         GOALS["peak_memory_gib"]),
    ]  # fmt: skip
    print(f"\n{found['machine']}, {found['measured_at']}\n")
    for name, value, unit, goal in rows:
        print(f"{name:<52}{value:>12,} {unit:<7}{f'goal {goal}' if goal else ''}")
    print(f"\nseconds by table: {flow['seconds_by_table']}\nwritten to {RESULT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
