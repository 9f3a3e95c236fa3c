"""The smallest lake that has a mart: its tables, what is sent into it, and what is in it."""

from datetime import date
from typing import Any

from kafka import KafkaProducer

from jobs import commits, delta
from jobs.ledger import table_hops
from jobs.session import clickhouse, spark
from jobs.settings import Settings
from jobs.specs import find_spec, load_specs
from tests.integration.lake import contents, land_file, quarantined, run_tables

MART = "gold.daily_revenue"


def needed() -> list[str]:
    """The tables the mart is made of, inputs first."""
    needed = {MART}
    for name, spec in reversed(load_specs().items()):
        needed |= set(spec.inputs) if name in needed else set()
    return [name for name in load_specs() if name in needed]


def bring_up_to_date(settings: Settings) -> None:
    """Every table the mart is made of, and the mart."""
    run_tables(settings, needed())


def send_to(settings: Settings, partition: int, value: bytes) -> None:
    """An order message to one partition, acknowledged."""
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    producer.send(settings.topic("orders"), value, b"c-1", partition=partition).get(timeout=30)
    producer.close()


def land_rates(settings: Settings, name: str, *lines: str) -> None:
    """A file of exchange rates in the landing zone."""
    data = "\n".join(["rate_date,currency,rate_to_eur", *lines, ""]).encode()
    land_file(settings, f"fx_rates/{name}.csv", data)


def everything(settings: Settings) -> dict[str, Any]:
    """Rows and checksums of silver and gold, and what silver.orders refused."""
    tables = [name for name in needed() if not name.startswith("bronze.")]
    refused = sorted(map(str, quarantined(settings, "silver.orders")))
    return {**contents(settings, tables), "refused": refused}


def newest(settings: Settings) -> dict[str, int | None]:
    """The newest version of each table."""
    return {name: commits.latest_version(settings, settings.table_path(name)) for name in needed()}


def spoil(settings: Settings, table: str) -> None:
    """A cent more in every row, as nobody who runs jobs would write it."""
    path = delta.ref(settings.table_path(table))
    spark(settings).sql(f"UPDATE {path} SET revenue_eur_cents = revenue_eur_cents + 1").collect()


def unbalanced(settings: Settings) -> list[str]:
    """The hops of the ledger into these tables that do not balance."""
    found = (hop for name in needed() for hop in table_hops(find_spec(name), settings))
    return [hop.name for hop in found if not hop.balances]


def revenue(settings: Settings) -> dict[date, list[int]]:
    """The revenues of each day in the table."""
    rows = spark(settings).read.format("delta").load(settings.table_path(MART)).collect()
    days = {row["order_date"] for row in rows}
    return {
        day: sorted(row["revenue_eur_cents"] for row in rows if row["order_date"] == day)
        for day in days
    }


def served_rows_count(settings: Settings) -> int:
    """How many rows the mart has in ClickHouse."""
    mart = f"{settings.database('gold')}.daily_revenue"
    return int(clickhouse(settings).query(f"SELECT count() FROM {mart}").result_rows[0][0])
