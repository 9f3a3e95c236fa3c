"""A driver killed in mid-batch, a checkpoint deleted, and the other thing of the same name."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from pyspark.sql import functions as F

from answers.evidence import Evidence
from answers.labs.classic import run_script
from answers.labs.kafka import create_topic, send
from answers.labs.waiting import await_end
from jobs.commits import storage_options
from jobs.ingest import KAFKA_OPTIONS
from jobs.objects import delete_objects
from jobs.session import object_store, spark
from jobs.settings import Settings
from jobs.stream.query import land

DRIVER = Path(__file__).with_name("driver.py")
RECORDS, RECORDS_PER_BATCH, MISSED = 400, 100, 50
TABLE, CHECKPOINT = "lab.followed", "checkpoints.followed"
LANDED = 60
COMMITS = 25
KILLED = -9


class Resumed(NamedTuple):
    """What the killed driver said last, and what its successor did."""

    finished: int
    rows_before: int
    batches: list[Any]
    seconds: float


def messages(begin: int, end: int) -> list[tuple[bytes | None, bytes]]:
    """Messages whose values are the numbers from begin up to end."""
    return [(None, str(number).encode()) for number in range(begin, end)]


def rows(settings: Settings, table: str = TABLE) -> Counter[int]:
    """The numbers that are in a table."""
    found = spark(settings).read.format("delta").load(settings.table_path(table))
    return Counter(int(row[0]) for row in found.selectExpr("CAST(value AS STRING)").collect())


def follow(settings: Settings, topic: str, checkpoint: str, starting: str) -> list[Any]:
    """What each batch says of itself of a query that reads all there is."""
    read = spark(settings).readStream.format("kafka").option("subscribe", topic)
    read = read.option("kafka.bootstrap.servers", settings.kafka_bootstrap_servers)
    read = read.option("startingOffsets", starting)
    read = read.option("maxOffsetsPerTrigger", RECORDS_PER_BATCH)
    writer = read.load().select(F.col("value").cast("string")).writeStream.format("delta")
    writer = writer.option("checkpointLocation", settings.table_path(checkpoint))
    query = writer.trigger(availableNow=True).start(settings.table_path(TABLE))
    await_end(query, settings)
    return [told for told in query.recentProgress if told.numInputRows]


@pytest.fixture(scope="module")
def topic(settings: Settings) -> str:
    """Four batches of numbered records."""
    name = create_topic(settings, "numbers")
    send(settings, name, messages(0, RECORDS))
    return name


@pytest.fixture(scope="module")
def resumed(settings: Settings, topic: str) -> Resumed:
    """A driver killed in its second batch, and another one, the server's, on its checkpoint."""
    paths = (settings.table_path(TABLE), settings.table_path(CHECKPOINT))
    done = run_script(DRIVER, topic, *paths)
    assert done["driver_ended_with"] == KILLED
    before = rows(settings).total()
    began = time.monotonic()
    batches = follow(settings, topic, CHECKPOINT, "earliest")
    return Resumed(done["last_finished_batch"], before, batches, time.monotonic() - began)


def test_after_a_kill_in_mid_batch_the_next_driver_repeats_just_that_batch(
    topic: str, resumed: Resumed, evidence: Evidence
) -> None:
    first = resumed.batches[0]
    evidence("last batch the killed driver had finished", resumed.finished, 0)
    evidence("first batch of its successor", first.batchId, 1)
    told = first.sources[0]
    begin, end = (json.loads(at)[topic]["0"] for at in (told.startOffset, told.endOffset))
    evidence("offsets it was told to repeat", f"{begin} to {end}", "100 to 200")
    read = [batch.numInputRows for batch in resumed.batches]
    evidence("rows the successor read, batch by batch", str(read), str([RECORDS_PER_BATCH] * 3))
    evidence("until it had caught up", resumed.seconds, unit="s")


def test_progress_and_rows_agree_so_that_none_is_lost_and_none_doubled(
    settings: Settings, resumed: Resumed, evidence: Evidence
) -> None:
    found, due = rows(settings), Counter(range(RECORDS))
    evidence("rows in the table after the kill", resumed.rows_before, RECORDS_PER_BATCH, "rows")
    evidence("rows in the table in the end", found.total(), RECORDS, "rows")
    evidence("rows lost", (due - found).total(), 0, "rows")
    evidence("rows doubled", (found - due).total(), 0, "rows")


@pytest.mark.control
def test_without_its_checkpoint_a_query_skips_what_it_missed_or_reads_all_again(
    settings: Settings, topic: str, resumed: Resumed, evidence: Evidence
) -> None:
    send(settings, topic, messages(RECORDS, RECORDS + MISSED))
    delete_objects(settings, settings.object_key(CHECKPOINT.replace(".", "/") + "/"))
    follow(settings, topic, "checkpoints.second", "latest")
    lost = (Counter(range(RECORDS + MISSED)) - rows(settings)).total()
    evidence("rows skipped by a start at the latest offset", lost, MISSED, "rows")
    batches = follow(settings, topic, "checkpoints.third", "earliest")
    again = sum(batch.numInputRows for batch in batches)
    evidence("rows read by a start at the earliest", again, RECORDS + MISSED, "rows")
    doubled = (rows(settings) - Counter(range(RECORDS + MISSED))).total()
    evidence("rows doubled by it", doubled, RECORDS, "rows")


def test_offsets_in_the_table_s_own_commits_outlive_a_lost_checkpoint(
    settings: Settings, evidence: Evidence
) -> None:
    """A stream without its checkpoint gives its first batch every record there is."""
    topic = settings.topic("orders")
    read = spark(settings).read.format("kafka").options(**KAFKA_OPTIONS).option("subscribe", topic)
    batch = read.option("kafka.bootstrap.servers", settings.kafka_bootstrap_servers)
    landed = []
    for begin, end in ((0, LANDED), (LANDED, 2 * LANDED)):
        send(settings, topic, messages(begin, end))
        everything = batch.load()
        landed.append(sum(one.counts["landed"] for one in land(everything, settings)))
    evidence("rows landed, and landed from all after the loss", str(landed), str([LANDED, LANDED]))
    assert rows(settings, "bronze.orders") == Counter(range(2 * LANDED))


def test_a_checkpoint_of_a_table_s_log_spares_its_readers_the_old_commits(
    settings: Settings, evidence: Evidence
) -> None:
    """Proved by removing the old commits: only with the checkpoint the table is still whole."""
    found = {name: _without_old_commits(settings, name) for name in ("with", "without")}
    evidence("older commits, all removed", COMMITS - 1, unit="commits")
    evidence("rows still read with the checkpoint", found["with"], COMMITS, "rows")
    evidence("rows still read without one", found["without"], 0, "rows")


def _without_old_commits(settings: Settings, name: str) -> int:
    """The rows of a table whose commits are gone, of which a checkpoint was written or not."""
    path = settings.table_path(f"lab.{name}").replace("s3a://", "s3://", 1)
    options = storage_options(settings)
    for number in range(COMMITS):
        row = pa.table({"value": pa.array([number], pa.int64())})
        write_deltalake(path, row, mode="append", storage_options=options)
    if name == "with":
        DeltaTable(path, storage_options=options).create_checkpoint()
    store, log = object_store(settings), settings.object_key(f"lab/{name}/_delta_log/")
    kept = list(store.list_objects(settings.s3_bucket, prefix=log))
    commits = [str(one.object_name) for one in kept if str(one.object_name).endswith(".json")]
    assert len(commits) == COMMITS
    for commit in sorted(commits)[:-1]:
        store.remove_object(settings.s3_bucket, commit)
    try:
        return int(DeltaTable(path, storage_options=options).to_pyarrow_table().num_rows)
    except DeltaError:
        return 0
