"""Events late and out of order: what a watermark keeps, what it drops, and what mends it."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import pytest
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from answers.evidence import Evidence, less_than, more_than
from answers.labs.kafka import create_topic, send
from answers.labs.waiting import await_end
from jobs import delta
from jobs.session import spark
from jobs.settings import Settings

BEGIN = datetime(2026, 1, 5, 10, tzinfo=UTC)
CLOSING = BEGIN + timedelta(hours=4)  # an event so much later lets every window before be closed
EVENTS, LATE = 1_000, 50
EVENT_EVERY_SECONDS, JITTER_SECONDS, DELAY_MINUTES = 3.6, 60, (2, 20)
WINDOW_MINUTES, WATERMARK, RECORDS_PER_BATCH = 1, "10 minutes", 67
KEYS, CHANGES_PER_KEY, DELIVERIES, DELETED_KEYS = 100, 6, 3, 10

Totals = dict[datetime, int]


class Windows(NamedTuple):
    """What a query made of the events, and the most windows it had to keep in its state."""

    totals: Totals
    most_in_state: int


def arrivals() -> list[datetime]:
    """When an hour of events happened, as they come: all a little late, one in twenty much."""
    rng = Random(7)
    late = set(rng.sample(range(EVENTS), LATE))
    came = []
    for number in range(EVENTS):
        moment = BEGIN + timedelta(seconds=number * EVENT_EVERY_SECONDS)
        wait = (
            rng.uniform(*DELAY_MINUTES) * 60 if number in late else rng.uniform(0, JITTER_SECONDS)
        )
        came.append((moment + timedelta(seconds=wait), moment))
    return [moment for _, moment in sorted(came)]


@pytest.fixture(scope="module")
def truth() -> Totals:
    """Events by the window they happened in."""
    seconds = 60 * WINDOW_MINUTES
    begins = (moment.timestamp() // seconds * seconds for moment in arrivals())
    return dict(Counter(datetime.fromtimestamp(begin, UTC) for begin in begins))


@pytest.fixture(scope="module")
def session(settings: Settings) -> Iterator[SparkSession]:
    """The server's session, with one store of state for each query instead of four."""
    found = spark(settings)
    usual = str(found.conf.get("spark.sql.shuffle.partitions"))
    found.conf.set("spark.sql.shuffle.partitions", "1")
    yield found
    found.conf.set("spark.sql.shuffle.partitions", usual)


@pytest.fixture(scope="module")
def source(settings: Settings) -> dict[str, str]:
    """How Spark reads the topic that has all events, in one partition as they came."""
    name = create_topic(settings, "visits")
    send(settings, name, [(None, m.isoformat().encode()) for m in (*arrivals(), CLOSING)])
    return {
        "kafka.bootstrap.servers": settings.kafka_bootstrap_servers,
        "subscribe": name,
        "startingOffsets": "earliest",
    }


def moments(raw: DataFrame) -> DataFrame:
    """Kafka's records as (happened_at)."""
    return raw.select(F.col("value").cast("string").cast("timestamp").alias("happened_at"))


def per_window(events: DataFrame) -> DataFrame:
    """Events by the beginning of their window."""
    counted = events.groupBy(F.window("happened_at", f"{WINDOW_MINUTES} minutes")).count()
    return counted.select(F.col("window.start").alias("begin"), F.col("count").alias("events"))


def totals_of(rows: DataFrame) -> Totals:
    """The rows as the truth is written; the event that closes the windows is left out."""
    found = {row["begin"].replace(tzinfo=UTC): row["events"] for row in rows.collect()}
    return {begin: count for begin, count in found.items() if begin < CLOSING}


def most_in_state(query: Any, settings: Settings) -> int:
    """The most rows that the query's state had, once it has read all there is."""
    await_end(query, settings)
    return max(int(told["stateOperators"][0]["numRowsTotal"]) for told in query.recentProgress)


@pytest.fixture(scope="module")
def unbounded(session: SparkSession, settings: Settings, source: dict[str, str]) -> Windows:
    """Every window kept for ever, and told anew after each batch."""
    name = settings.schema("unbounded")
    events = moments(session.readStream.format("kafka").options(**source).load())
    writer = per_window(events).writeStream.format("memory").queryName(name).outputMode("complete")
    writer = writer.option("checkpointLocation", settings.table_path("checkpoints.unbounded"))
    most = most_in_state(writer.trigger(availableNow=True).start(), settings)
    found = totals_of(session.table(name))
    session.catalog.dropTempView(name)
    return Windows(found, most)


@pytest.fixture(scope="module")
def watermarked(session: SparkSession, settings: Settings, source: dict[str, str]) -> Windows:
    """Each window told once, when the watermark is past its end."""
    path = settings.table_path("lab.windows")
    read = session.readStream.format("kafka").options(**source)
    events = moments(read.option("maxOffsetsPerTrigger", RECORDS_PER_BATCH).load())
    writer = per_window(events.withWatermark("happened_at", WATERMARK)).writeStream.format("delta")
    writer = writer.option("checkpointLocation", settings.table_path("checkpoints.watermarked"))
    query = writer.outputMode("append").trigger(availableNow=True).start(path)
    most = most_in_state(query, settings)
    return Windows(totals_of(session.read.format("delta").load(path)), most)


def test_without_a_watermark_every_late_event_counts_and_every_window_is_kept(
    truth: Totals, unbounded: Windows, evidence: Evidence
) -> None:
    evidence("events that came minutes late", LATE, unit="events")
    evidence("events counted without a watermark", sum(unbounded.totals.values()), EVENTS, "events")
    assert unbounded.totals == truth
    every = len(truth) + 1  # and that of the closing event
    evidence("windows in its state at the end", unbounded.most_in_state, every, "windows")


@pytest.mark.control
def test_a_watermark_of_ten_minutes_drops_what_comes_later_than_that(
    truth: Totals, watermarked: Windows, evidence: Evidence
) -> None:
    dropped = EVENTS - sum(watermarked.totals.values())
    wrong = [begin for begin in truth if watermarked.totals.get(begin) != truth[begin]]
    evidence("late events dropped", dropped, more_than(0), "events")
    evidence("late events still counted", LATE - dropped, more_than(0), "events")
    evidence("windows that are wrong for good", len(wrong), more_than(0), "windows")
    assert all(watermarked.totals.get(begin, 0) <= truth[begin] for begin in truth)


def test_in_return_a_watermark_bounds_what_the_query_must_remember(
    unbounded: Windows, watermarked: Windows, evidence: Evidence
) -> None:
    most = {"no watermark": unbounded.most_in_state, WATERMARK: watermarked.most_in_state}
    evidence.series("the most windows in the state", most, "windows")
    bound = less_than(unbounded.most_in_state)
    evidence("windows kept at most with a watermark", watermarked.most_in_state, bound, "windows")


def test_a_batch_over_the_raw_events_mends_the_windows_that_differ_and_no_other(
    session: SparkSession,
    settings: Settings,
    source: dict[str, str],
    truth: Totals,
    watermarked: Windows,
    evidence: Evidence,
) -> None:
    wrong = sum(watermarked.totals.get(begin) != count for begin, count in truth.items())
    path = settings.table_path("lab.windows")
    raw = moments(session.read.format("kafka").options(**source).load())
    per_window(raw.where(F.col("happened_at") < F.lit(CLOSING))).createOrReplaceTempView("recount")
    [merged] = session.sql(
        f"MERGE INTO {delta.ref(path)} AS told USING recount ON told.begin = recount.begin "
        "WHEN MATCHED AND told.events <> recount.events THEN UPDATE SET * "
        "WHEN NOT MATCHED THEN INSERT *"
    ).collect()
    session.catalog.dropTempView("recount")
    evidence("windows mended by the batch", merged["num_affected_rows"], wrong, "windows")
    mended = totals_of(session.read.format("delta").load(path))
    evidence("events counted after it", sum(mended.values()), EVENTS, "events")
    assert mended == truth


class Change(NamedTuple):
    """One change of a row, at its position in the log of its database."""

    id: int
    lsn: int
    value: str
    is_deleted: bool


COLUMNS = {"id": "int", "lsn": "bigint", "value": "string", "is_deleted": "boolean"}


def deliveries() -> tuple[list[list[Change]], dict[int, Change]]:
    """The changes shuffled over three deliveries, and the newest of each row."""
    changes = [
        Change(lsn % KEYS, lsn, f"v{lsn // KEYS}", lsn >= KEYS * CHANGES_PER_KEY - DELETED_KEYS)
        for lsn in range(KEYS * CHANGES_PER_KEY)
    ]
    newest = {change.id: change for change in changes}
    Random(11).shuffle(changes)
    size = len(changes) // DELIVERIES
    return [changes[begin : begin + size] for begin in range(0, len(changes), size)], newest


def merged_rows(session: SparkSession, path: str, order: str, guard: str) -> dict[int, Change]:
    """The table after all deliveries; of a delivery, a row's last change by `order` is taken."""
    delta.create(session, path, COLUMNS)
    last_first = Window.partitionBy("id").orderBy(F.desc(order))
    types = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    for delivery in deliveries()[0]:
        rows = [(*change, place) for place, change in enumerate(delivery)]
        ranked = session.createDataFrame(rows, f"{types}, place int").withColumn(
            "rank", F.row_number().over(last_first)
        )
        ranked.where("rank = 1").select(*COLUMNS).createOrReplaceTempView("came")
        session.sql(
            f"MERGE INTO {delta.ref(path)} AS kept USING came ON kept.id = came.id "
            f"WHEN MATCHED {guard} THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        ).collect()
    session.catalog.dropTempView("came")
    stored = session.read.format("delta").load(path).collect()
    return {row["id"]: Change(**row.asDict()) for row in stored}


@pytest.mark.control
def test_a_merge_by_arrival_leaves_old_rows_and_brings_deleted_ones_back(
    session: SparkSession, settings: Settings, evidence: Evidence
) -> None:
    newest = deliveries()[1]
    found = merged_rows(session, settings.table_path("lab.by_arrival"), "place", "")
    wrong = [id_ for id_, change in newest.items() if found[id_] != change]
    evidence("wrong rows after a merge by arrival", len(wrong), more_than(0), "of a hundred rows")
    back = [id_ for id_ in wrong if newest[id_].is_deleted]
    evidence("deleted rows that are back", len(back), more_than(0), "of ten")


def test_a_merge_guarded_by_the_position_in_the_log_is_right_in_any_order(
    session: SparkSession, settings: Settings, evidence: Evidence
) -> None:
    newest = deliveries()[1]
    guard = "AND came.lsn > kept.lsn"
    found = merged_rows(session, settings.table_path("lab.by_position"), "lsn", guard)
    evidence("wrong rows with the guard", sum(found[n] != newest[n] for n in newest), 0, "rows")
    assert found == newest
