"""One figure, revenue per hour: by a batch, by a stream with a watermark, and by both together."""

import inspect
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from answers.evidence import Evidence, at_least, less_than, more_than
from answers.labs import kafka
from jobs.ingest import KAFKA_OPTIONS
from jobs.objects import keys
from jobs.session import clickhouse, spark
from jobs.settings import Settings

TOPIC, SCHEMA = "sales", "sold_at timestamp, cents bigint"
MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)
EVENTS, HOURS = 2_000, 24
# Of the morning's sales one in 25 arrives so late: two of a hundred in the whole day.
ONE_IN, LATE_HOURS = 25, 10
MICRO_BATCHES = 6
WATERMARK = "1 hour"
PARTITIONS = "spark.sql.shuffle.partitions"
Revenue = Mapping[datetime, int]


@dataclass(frozen=True)
class Sale:
    """What was sold, when, and when the topic heard of it."""

    sold_at: datetime
    arrived_at: datetime
    cents: int

    @property
    def message(self) -> kafka.Message:
        return None, json.dumps({"sold_at": self.sold_at.isoformat(), "cents": self.cents}).encode()


def day() -> list[Sale]:
    """A day's sales in the order of arrival; the last one, of no value, closes the last hours."""
    draw, sales = Random(7), []
    for number in range(EVENTS):
        sold_at = MIDNIGHT + timedelta(hours=HOURS * number / EVENTS)
        is_late = number < EVENTS / 2 and number % ONE_IN == 0
        late = timedelta(hours=LATE_HOURS if is_late else 0)
        sales.append(Sale(sold_at, sold_at + late, draw.randint(100, 9_999)))
    end = MIDNIGHT + timedelta(hours=HOURS + 2)
    return [*sorted(sales, key=lambda sale: sale.arrived_at), Sale(end, end, 0)]


def truth(sales: list[Sale]) -> Revenue:
    """The revenue of each hour by Python."""
    hours: dict[datetime, int] = {}
    for sale in sales:
        hour = sale.sold_at.replace(minute=0, second=0, microsecond=0)
        hours[hour] = hours.get(hour, 0) + sale.cents
    return {hour: cents for hour, cents in hours.items() if cents}


def revenue_per_hour(sales: DataFrame) -> DataFrame:
    """The one transform of batch and stream."""
    hour = F.window("sold_at", "1 hour")
    return sales.groupBy(hour).agg(F.sum("cents").alias("cents")).select("window.start", "cents")


def parsed(records: DataFrame) -> DataFrame:
    """The sales in records of Kafka."""
    return records.select(F.from_json(F.col("value").cast("string"), SCHEMA).alias("s")).select(
        "s.*"
    )


def batch(session: SparkSession, options: Mapping[str, str], path: str) -> None:
    """Nothing; the table holds each hour of all that the topic has."""
    records = session.read.format("kafka").options(**options).load()
    revenue = revenue_per_hour(parsed(records)).where("cents > 0")
    revenue.coalesce(1).write.format("delta").mode("overwrite").save(path)


def stream(
    session: SparkSession, options: Mapping[str, str], path: str, checkpoint: str
) -> list[dict[str, Any]]:
    """What Spark says of each micro-batch; an hour is told once, when the watermark is past it."""
    records = session.readStream.format("kafka").options(**options).load()
    sales = parsed(records).withWatermark("sold_at", WATERMARK)
    query = (
        revenue_per_hour(sales)
        .writeStream.format("delta")
        .outputMode("append")
        .option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)
        .start(path)
    )
    query.awaitTermination()
    return [json.loads(progress.json) for progress in query.recentProgress]


@dataclass(frozen=True)
class Both:
    """The day by both ways, and how they went."""

    settings: Settings
    options: Mapping[str, str]
    progress: list[dict[str, Any]]
    batch_seconds: float

    def hours(self, table: str) -> Revenue:
        """The revenue of each hour as a table has it, which must have each once."""
        rows = self.rows(table)
        assert len(rows) == len({hour for hour, _ in rows})
        return dict(rows)

    def rows(self, table: str) -> list[tuple[datetime, int]]:
        """All rows of a table, by hour."""
        frame = spark(self.settings).read.format("delta").load(path(self.settings, table))
        found = frame.select(F.unix_seconds("start").alias("at"), "cents").collect()
        return sorted((datetime.fromtimestamp(row["at"], UTC), row["cents"]) for row in found)


def path(settings: Settings, table: str) -> str:
    return settings.table_path(f"lab.{table}")


@pytest.fixture(scope="module")
def both(settings: Settings) -> Both:
    """A topic that has the whole day, read once and read in pieces."""
    topic, session = kafka.create_topic(settings, TOPIC), spark(settings)
    kafka.send(settings, topic, (sale.message for sale in day()))
    address = {"kafka.bootstrap.servers": settings.kafka_bootstrap_servers, "subscribe": topic}
    options = {**KAFKA_OPTIONS, **address, "startingOffsets": "earliest"}
    pieces = {"maxOffsetsPerTrigger": str(EVENTS // MICRO_BATCHES + 1)}
    session.conf.set(PARTITIONS, "1")
    try:
        where = path(settings, "stream"), path(settings, "checkpoint")
        progress = stream(session, {**options, **pieces}, *where)
        began = time.monotonic()
        batch(session, options, path(settings, "batch"))
        return Both(settings, options, progress, time.monotonic() - began)
    finally:
        session.conf.unset(PARTITIONS)


def share(found: Revenue, wanted: Revenue) -> float:
    """Percent of the revenue that was found."""
    return 100 * sum(found.values()) / sum(wanted.values())


@pytest.mark.control
def test_the_batch_is_complete_and_the_stream_lacks_what_came_after_its_watermark(
    both: Both, evidence: Evidence
) -> None:
    sales = day()
    in_time = [sale for sale in sales if sale.arrived_at == sale.sold_at]
    evidence("share of sales that came late", 100 * (1 - len(in_time) / len(sales)), unit="%")
    evidence("hours of the batch that are wrong", wrong(both.hours("batch"), truth(sales)), 0)
    streamed = both.hours("stream")
    evidence("hours of the stream that are wrong", wrong(streamed, truth(sales)), HOURS // 2)
    evidence("revenue that the stream has", share(streamed, truth(sales)), less_than(100), "%")
    assert streamed == truth(in_time)


def wrong(found: Revenue, wanted: Revenue) -> int:
    """How many hours are not as they should be."""
    return sum(found.get(hour) != wanted.get(hour) for hour in found.keys() | wanted.keys())


def test_the_stream_tells_most_hours_before_the_day_is_over(both: Both, evidence: Evidence) -> None:
    told = [sum(one["numRowsRemoved"] for one in p["stateOperators"]) for p in both.progress]
    series = {str(number): count for number, count in enumerate(told, 1)}
    evidence.series("hours told by each micro-batch", series, "hours")
    before_the_last = sum(told[: MICRO_BATCHES - 1])
    evidence("hours told before the day was over", before_the_last, at_least(12), "hours")
    seconds = sorted(p["durationMs"]["triggerExecution"] / 1000 for p in both.progress)
    evidence("a micro-batch, in the middle", seconds[len(seconds) // 2], unit="s")
    evidence("the whole batch", both.batch_seconds, unit="s")


def test_the_stream_costs_more_files_more_commits_and_more_code_for_the_same_rows(
    both: Both, evidence: Evidence
) -> None:
    files = {
        name: len(list(keys(both.settings, both.settings.object_key(f"lab/{name}/"))))
        for name in ("batch", "stream", "checkpoint")
    }
    evidence.series("objects in the store", files, "objects")
    streamed = files["stream"] + files["checkpoint"]
    evidence("objects of the batch", files["batch"], unit="objects")
    evidence("objects of the stream", streamed, more_than(3 * files["batch"]), "objects")
    lines = {way.__name__: len(inspect.getsource(way).splitlines()) for way in (batch, stream)}
    evidence("lines of the batch", lines["batch"], unit="lines")
    evidence("lines of the stream", lines["stream"], more_than(lines["batch"]), "lines")


def test_a_lambda_view_is_the_stream_at_first_and_the_batch_once_that_has_run(
    both: Both, evidence: Evidence
) -> None:
    client, place = clickhouse(both.settings), both.settings.database("gold")
    client.command(f"CREATE DATABASE IF NOT EXISTS {place}")
    for layer in ("speed", "truth"):
        columns = "(hour DateTime('UTC'), cents Int64)"
        client.command(f"CREATE TABLE {place}.{layer} {columns} ENGINE = MergeTree ORDER BY hour")
    client.command(
        f"CREATE VIEW {place}.revenue AS SELECT * FROM {place}.truth UNION ALL "
        f"SELECT * FROM {place}.speed WHERE hour NOT IN (SELECT hour FROM {place}.truth)"
    )
    query = f"SELECT toUnixTimestamp(hour), cents FROM {place}.revenue"
    steps = (
        ("speed", "stream", "correct hours of the view, stream alone", HOURS // 2),
        ("truth", "batch", "correct hours after the batch", HOURS),
    )
    for layer, table, label, expected in steps:
        client.insert(f"{place}.{layer}", [list(row) for row in both.rows(table)])
        seen = client.query(query).result_rows
        view = {datetime.fromtimestamp(at, UTC): cents for at, cents in seen}
        assert len(view) == len(seen) == HOURS
        evidence(label, HOURS - wrong(view, truth(day())), expected, "hours")


@pytest.mark.control
def test_a_batch_is_run_again_and_a_stream_without_its_checkpoint_doubles_its_hours(
    both: Both, evidence: Evidence
) -> None:
    session, before = spark(both.settings), both.rows("batch")
    session.conf.set(PARTITIONS, "1")
    try:
        batch(session, both.options, path(both.settings, "batch"))
        lost = path(both.settings, "stream"), path(both.settings, "new_checkpoint")
        stream(session, both.options, *lost)
    finally:
        session.conf.unset(PARTITIONS)
    evidence("rows of the batch, run twice", len(both.rows("batch")), HOURS, "rows")
    assert both.rows("batch") == before
    rows = both.rows("stream")
    evidence("rows of the stream, checkpoint lost", len(rows), 2 * HOURS, "rows")
    versions = {hour: {cents for at, cents in rows if at == hour} for hour, _ in rows}
    differing = sum(len(cents) > 1 for cents in versions.values())
    evidence("hours with two different figures", differing, HOURS // 2, "hours")
