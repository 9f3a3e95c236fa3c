"""Rows per second from raw records to the mart, beside DuckDB on the same bytes in the same run."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from generators import oltp
from generators.landing import files
from generators.messages import ORDERS, Message
from generators.producer import CONFLUENT, Transport
from generators.publish import land, send
from generators.run import Run
from generators.shop import stream
from generators.truth import Truth
from infra.demo.reconcile import served
from jobs.errors import LedgerError
from jobs.namespace import namespace
from jobs.run import run as run_table
from jobs.serve import serve
from jobs.settings import Settings

DAY = date(2026, 1, 5)
LIMIT_SQL = Path(__file__).with_name("duckdb_limit.sql")
REFERENCE_DATA = [
    "bronze.fx_rates",
    "bronze.shop_customers",
    "bronze.shop_addresses",
    "bronze.shop_products",
    "silver.fx_rates",
    "silver.customers",
    "silver.addresses",
    "silver.products",
    "gold.dim_customer",
    "gold.dim_product",
]
MEASURED = [
    "bronze.orders",
    "silver.orders",
    "silver.order_items",
    "gold.fact_order_items",
    "gold.daily_revenue",
]
Sales = dict[tuple[date, str], dict[str, int]]


def measure(settings: Settings, orders: int, folder: Path) -> dict[str, Any]:
    """Seconds per table, rows per second and the ratio; both results equal the truth.

    Raises: LedgerError if one of the two engines differs from what the generators produced.
    """
    run = Run(DAY, orders, 7)
    truth = Truth.of(run)
    _write(run, truth, folder)
    expected = {group: asdict(sales) for group, sales in truth.sales.items()}
    limit_seconds = _timed(lambda: _require_equal("DuckDB", _limit(folder), expected))
    with namespace(settings, "bench") as own:
        land(files(run.day, run.seed), own)
        oltp.advance(run, [], own)
        ledger = send(_orders(stream(run)), run.run_id, own, Transport(client=CONFLUENT))
        ledger.require_all_acked()
        for table in REFERENCE_DATA:
            run_table(table, own)
        seconds = {table: _timed(partial(run_table, table, own)) for table in MEASURED}
        seconds["mart.daily_revenue"] = _timed(lambda: serve("gold.daily_revenue", own))
        _require_equal("the platform", served("daily_revenue", own), expected)
        records = ledger.topics[ORDERS].produced.count
    total = sum(seconds.values())
    return {
        "orders": orders,
        "records": records,
        "seconds_by_table": {table: round(value, 2) for table, value in seconds.items()},
        "platform_seconds": round(total, 2),
        "platform_rows_per_second": round(records / total),
        "duckdb_seconds": round(limit_seconds, 2),
        "duckdb_rows_per_second": round(records / limit_seconds),
        "ratio": round(total / limit_seconds, 2),
    }


def _timed(work: Callable[[], Any]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _write(run: Run, truth: Truth, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files(run.day, run.seed):
        path = folder / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    with (folder / "orders.jsonl").open("wb") as out:
        for message in _orders(truth.counting(stream(run))):
            out.write(message.value + b"\n")


def _orders(messages: Iterator[Message]) -> Iterator[Message]:
    return (message for message in messages if message.topic == ORDERS)


def _limit(folder: Path) -> Sales:
    text = LIMIT_SQL.read_text()
    keys = {file.source: file.key for file in files(DAY, 7)}
    for name, value in (
        ("folder", str(folder)),
        ("rates", keys["fx_rates"]),
        ("products", keys["products"]),
    ):
        text = text.replace(f"{{{name}}}", value)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for statement in text.split(";\n")[:-2]:
        connection.execute(statement)
    cursor = connection.execute(text.split(";\n")[-2])
    columns = [column[0] for column in cursor.description][2:]
    rows = cursor.fetchall()
    return {(row[0], row[1]): dict(zip(columns, row[2:], strict=True)) for row in rows}


def _require_equal(name: str, found: Sales, expected: Sales) -> None:
    if found != expected:
        group = next(g for g in sorted(found | expected) if found.get(g) != expected.get(g))
        raise LedgerError(
            f"{name} says {found.get(group)} for {group}, the generators produced "
            f"{expected.get(group)}: a benchmark of a wrong result says nothing."
        )
