"""What the tests of the pipeline share: feeding it, running it, and the content of its tables."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import date
from io import BytesIO
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from pyspark.sql import functions as F

from generators.history import PublishedRun, remember, runs
from generators.producer import Transport
from generators.publish import publish
from generators.run import Run
from jobs.commits import records
from jobs.decode import RAW_COLUMNS
from jobs.delta import create, read, ref
from jobs.quarantine import quarantine_path
from jobs.serve import lake_content
from jobs.session import object_store, spark
from jobs.settings import ROOT, Settings
from jobs.specs import find_spec, load_specs
from jobs.together import bring_up_to_date
from jobs.topics import end_offsets

DAY = date(2026, 1, 5)
EVENTS = ["silver.orders", "silver.order_items", "silver.payments", "silver.clicks"]
DERIVED = ["gold.fact_order_items", "gold.daily_revenue"]


def publish_day(settings: Settings, day: date = DAY, orders: int = 300) -> PublishedRun:
    """One day of the shop, published and remembered."""
    remember(publish(Run(day, orders, 7), settings, Transport()), settings)
    return next(found for found in runs(settings) if found.truth.day == day)


def run_all(settings: Settings) -> None:
    """Every table up to date, every mart served."""
    run_tables(settings, load_specs())


def run_tables(settings: Settings, tables: Iterable[str]) -> None:
    """These tables up to date with their inputs, and those of them served that are marts."""
    for _ in bring_up_to_date(tables, settings):
        pass


def upstream(table: str) -> list[str]:
    """The tables that a table is made from, directly or not, in the order in which they run."""
    specs = load_specs()
    wanted = set(specs[table].inputs)
    for name in reversed(specs):
        if name in wanted:
            wanted |= set(specs[name].inputs)
    return [name for name in specs if name in wanted]


def contents(settings: Settings, tables: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Row count and checksum of whole tables as they are now."""
    return {table: lake_content(_now(settings, table), find_spec(table)) for table in tables}


def _now(settings: Settings, table: str) -> Any:
    return spark(settings).read.format("delta").load(settings.table_path(table))


def versions(settings: Settings, tables: Iterable[str]) -> dict[str, int]:
    """The newest version of each table that has a run record."""
    newest = {table: next(records(settings, settings.table_path(table)), None) for table in tables}
    return {table: found[0] for table, found in newest.items() if found}


def replaced_by_last_commit(settings: Settings, table: str) -> str:
    """The condition that the rows met which the table's last commit replaced."""
    path = ref(settings.table_path(table))
    [commit] = spark(settings).sql(f"DESCRIBE HISTORY {path} LIMIT 1").collect()
    return str(commit["operationParameters"]["predicate"])


def rows_at(settings: Settings, table: str, version: int) -> list[Any]:
    """All rows of a table at a version."""
    return read(spark(settings), settings.table_path(table), version).collect()


def quarantined(settings: Settings, table: str) -> list[tuple[bytes | None, list[str]]]:
    """Raw bytes and reasons of everything a table refused."""
    found = spark(settings).read.format("delta").load(quarantine_path(settings, table)).collect()
    return [(None if row["raw"] is None else bytes(row["raw"]), row["reasons"]) for row in found]


def send(settings: Settings, topic: str, values: Iterable[bytes | None]) -> None:
    """Raw values to a topic, each acknowledged."""
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, max_request_size=2_000_000
    )
    sent = [producer.send(settings.topic(topic), value=v, key=b"c-1") for v in values]
    for future in sent:
        future.get(timeout=30)
    producer.close()


def land_file(settings: Settings, key: str, data: bytes) -> None:
    """A file in the landing zone, by its key below `landing/`."""
    name = settings.object_key(f"landing/{key}")
    object_store(settings).put_object(settings.s3_bucket, name, BytesIO(data), len(data))


def land_lines(settings: Settings, table: str, file: str, rows: Iterable[dict[str, Any]]) -> None:
    """Rows as the JSON lines of one file, put into a bronze table without asking its source."""
    session = spark(settings)
    path = settings.table_path(table)
    create(session, path, RAW_COLUMNS["files"], ("_proc_date",))
    lines = [(file, n, json.dumps(row, separators=(",", ":"))) for n, row in enumerate(rows, 1)]
    told = session.createDataFrame(lines, "path string, line_number bigint, value string")
    landed = told.withColumns(
        {
            "run_number": F.lit(None).cast("bigint"),
            "etag": F.col("path"),
            "ingested_at": F.lit("2026-02-01 00:00:00").cast("timestamp"),
            "header": F.lit(None).cast("binary"),
            "value": F.col("value").cast("binary"),
            "_proc_date": F.lit("2026-02-01").cast("date"),
        }
    )
    landed.select(*RAW_COLUMNS["files"]).write.format("delta").mode("append").save(path)


def received(settings: Settings, topic: str) -> list[Any]:
    """All records of a topic, as a consumer gets them."""
    ends = end_offsets(settings, topic)
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    partitions = [TopicPartition(topic, int(number)) for number in ends]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    found: list[Any] = []
    while sum(consumer.position(partition) for partition in partitions) < sum(ends.values()):
        found += [one for some in consumer.poll(timeout_ms=1000).values() for one in some]
    consumer.close()
    return found


def order(order_id: str, **changes: Any) -> bytes:
    """A good order message of one line, with some fields changed."""
    message = {
        "order_id": order_id,
        "customer_id": "c-1",
        "ordered_at": "2026-01-05T10:00:00.000Z",
        "currency": "EUR",
        "items": [{"line_number": 1, "product_id": "p-1", "quantity": 2, "unit_price_cents": 50}],
        "total_cents": 100,
    }
    return json.dumps(message | changes, separators=(",", ":")).encode()


def start_job(settings: Settings, *tables: str) -> subprocess.Popen[str]:
    """A process of its own that runs the tables, as an Airflow task would."""
    return subprocess.Popen(
        [sys.executable, "-m", "jobs", *tables],
        cwd=ROOT,
        env=os.environ | settings.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
