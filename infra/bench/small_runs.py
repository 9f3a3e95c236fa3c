"""What a run of a small table costs: days of 300 orders through every table."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from statistics import median
from typing import Any, cast

from generators.producer import Transport
from generators.publish import publish
from generators.run import Run
from infra.bench.timing import timed
from jobs.namespace import namespace
from jobs.run import run as run_table
from jobs.session import spark
from jobs.settings import Settings
from jobs.specs import load_specs

FIRST_DAY = date(2026, 1, 5)
DAYS = 6  # the last two are measured: by then the server has compiled what it runs
MEASURED_DAYS = 2
ORDERS = 300
SEED = 7
CALLS = ("ExecutePlan", "AnalyzePlan", "Config", "AddArtifacts")


def measure(settings: Settings) -> dict[str, Any]:
    """Seconds and calls of a warm run: the median over the tables, and the most of one."""
    seconds: dict[str, list[float]] = {name: [] for name in load_specs()}
    calls: dict[str, int] = {}
    with namespace(settings, "small") as own:
        for number in range(DAYS):
            day = FIRST_DAY + timedelta(days=number)
            publish(Run(day, ORDERS, SEED), own, Transport())
            for table in seconds:
                with counted_calls(own) as found:
                    seconds[table].append(timed(lambda name=table: run_table(name, own)))  # type: ignore[misc]
                calls[table] = sum(found.values())
    warm = {table: median(each[-MEASURED_DAYS:]) for table, each in seconds.items()}
    slowest = sorted(warm, key=lambda table: -warm[table])[:5]
    return {
        "orders": ORDERS,
        "tables": len(warm),
        "median_seconds": round(median(warm.values()), 2),
        "most_seconds": round(max(warm.values()), 2),
        "all_seconds": round(sum(warm.values()), 1),
        "median_calls": int(median(calls.values())),
        "most_calls": max(calls.values()),
        "slowest": {table: round(warm[table], 2) for table in slowest},
        "by_table": {t: [round(warm[t], 2), calls[t]] for t in warm},
    }


@contextmanager
def counted_calls(settings: Settings) -> Iterator[dict[str, int]]:
    """How often this thread's session asks Spark's server meanwhile, by the name of the call."""
    client: Any = cast(Any, spark(settings)).client
    stub, found = client._stub, dict.fromkeys(CALLS, 0)
    client._stub = _Counting(stub, found)
    try:
        yield found
    finally:
        client._stub = stub


class _Counting:
    """A stub of the server that counts the calls which go through it."""

    def __init__(self, stub: Any, found: dict[str, int]) -> None:
        self._stub, self._found = stub, found

    def __getattr__(self, name: str) -> Any:
        if name in CALLS:
            self._found[name] += 1
        return getattr(self._stub, name)
