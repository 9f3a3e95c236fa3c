"""Events of every kind, from raw through Airflow to all marts."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from generators.history import next_day, remember, runs
from generators.producer import Transport
from generators.publish import publish
from generators.run import Run
from generators.shop import stream
from infra.airflow.client import Airflow
from infra.airflow.follow import TaskResult
from infra.bench import daily_revenue
from infra.bench.daily_revenue import MART, SEED, TABLES
from infra.bench.timing import timed
from infra.demo.__main__ import PIPELINE
from infra.demo.reconcile import differences
from jobs.errors import LedgerError
from jobs.settings import Settings


def measure(settings: Settings, events: int, folder: Path) -> dict[str, Any]:
    """Wall seconds of the pipeline over a day with that many events, all marts being the truth.

    Beside it DuckDB, which computes one of the marts from the same bytes of the orders: the ratio
    is to the tasks that lead to that mart, which shared the processors with all others.
    Raises: LedgerError if a mart, or DuckDB's result, is not what the generators produced.
    """
    airflow = Airflow(settings)
    airflow.make_ready(PIPELINE)
    run = Run(next_day(runs(settings)), events, SEED)
    run = Run(run.day, events * events // run.expected_messages, SEED)
    published = publish(run, settings, Transport())
    published.ledger.require_all_acked()
    remember(published, settings)
    results = list(airflow.run_through(PIPELINE))
    if wrong := differences(runs(settings), settings):
        raise LedgerError(str(wrong[0]))
    daily_revenue.write(run, stream(run), folder)
    sales = {group: asdict(sales) for group, sales in published.truth.sales.items()}
    limit_seconds = timed(
        lambda: daily_revenue.require_equal("DuckDB", daily_revenue.by_duckdb(run, folder), sales)
    )
    count = sum(tally.produced.count for tally in published.ledger.topics.values())
    seconds = _wall_seconds(results)
    chain = {r.task_id: round(r.seconds, 1) for r in results if r.task_id in (*TABLES, MART)}
    return {
        "events": count,
        "orders": run.count,
        "seconds": round(seconds, 1),
        "events_per_second": round(count / seconds),
        "seconds_of_daily_revenue_by_task": chain,
        "duckdb_seconds": round(limit_seconds, 2),
        "ratio": round(sum(chain.values()) / limit_seconds, 2),
    }


def _wall_seconds(results: Iterable[TaskResult]) -> float:
    """From the start of the first task to the end of the last."""
    spans = [(r.started_at, r.started_at + timedelta(seconds=r.seconds)) for r in results]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    return (last - first).total_seconds()
