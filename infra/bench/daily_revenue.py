"""Order records from raw to the mart, beside DuckDB on the same bytes in the same run."""

from collections.abc import Iterable, Iterator
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
from infra.bench import gates
from infra.bench.timing import timed
from infra.demo.reconcile import served
from jobs.errors import LedgerError
from jobs.namespace import namespace
from jobs.run import run as run_table
from jobs.serve import serve
from jobs.settings import Settings

DAY = date(2026, 1, 5)
SEED = 7
LIMIT_SQL = Path(__file__).with_suffix(".sql")
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
TABLES = [
    "bronze.orders",
    "silver.orders",
    "silver.order_items",
    "gold.fact_order_items",
    "gold.daily_revenue",
]
MART = "mart.daily_revenue"
Sales = dict[tuple[Any, ...], dict[str, Any]]


def measure(settings: Settings, orders: int, folder: Path) -> dict[str, Any]:
    """Seconds per table, rows per second, the ratio to DuckDB, and the share of the gates.

    Raises: LedgerError if one of the two engines differs from what the generators produced.
    """
    run = Run(DAY, orders, SEED)
    truth = Truth.of(run)
    write(run, truth.counting(stream(run)), folder)
    expected: Sales = {group: asdict(sales) for group, sales in truth.sales.items()}
    limit_seconds = timed(lambda: require_equal("DuckDB", by_duckdb(run, folder), expected))
    with namespace(settings, "bench") as own:
        land(files(run.day, run.seed), own)
        oltp.advance(run, [], own)
        ledger = send(orders_of(stream(run)), run.run_id, own, Transport(client=CONFLUENT))
        ledger.require_all_acked()
        for table in REFERENCE_DATA:
            run_table(table, own)
        seconds = {table: timed(partial(run_table, table, own)) for table in TABLES}
        seconds[MART] = timed(lambda: serve("gold.daily_revenue", own))
        require_equal("the platform", served("daily_revenue", own), expected)
        gate_seconds = sum(gates.seconds(table, own) for table in TABLES[1:])
        records = ledger.topics[ORDERS].produced.count
    total = sum(seconds.values())
    return {
        "orders": orders,
        "records": records,
        "seconds_by_table": {table: round(value, 2) for table, value in seconds.items()},
        "seconds": round(total, 2),
        "rows_per_second": round(records / total),
        "duckdb_seconds": round(limit_seconds, 2),
        "duckdb_rows_per_second": round(records / limit_seconds),
        "ratio": round(total / limit_seconds, 2),
        "gate_seconds": round(gate_seconds, 2),
        "gates_percent": round(100 * gate_seconds / total, 1),
    }


def orders_of(messages: Iterable[Message]) -> Iterator[Message]:
    """The orders among the messages."""
    return (message for message in messages if message.topic == ORDERS)


def write(run: Run, messages: Iterable[Message], folder: Path) -> None:
    """Nothing; the run's orders and reference files are in the folder, byte for byte."""
    for file in files(run.day, run.seed):
        path = folder / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    with (folder / "orders.jsonl").open("wb") as out:
        for message in orders_of(messages):
            out.write(message.value + b"\n")


def by_duckdb(run: Run, folder: Path) -> Sales:
    """The mart as DuckDB computes it from what was written into the folder."""
    text = LIMIT_SQL.read_text()
    keys = {file.source: file.key for file in files(run.day, run.seed)}
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


def require_equal(name: str, found: Sales, expected: Sales) -> None:
    """Nothing, if both are the same.

    Raises: LedgerError with the first group that differs.
    """
    if found != expected:
        group = next(g for g in sorted(found | expected) if found.get(g) != expected.get(g))
        raise LedgerError(
            f"{name} says {found.get(group)} for {group}, the generators produced "
            f"{expected.get(group)}: a benchmark of a wrong result says nothing."
        )
