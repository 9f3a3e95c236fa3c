"""What twenty kills, two broken batches and a broken transaction leave of each way to write."""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import OFFSET_STORED, Consumer, Producer
from confluent_kafka import TopicPartition as Place
from kafka import KafkaConsumer, TopicPartition
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from answers.evidence import Evidence, more_than
from answers.labs.classic import run_script
from answers.labs.kafka import create_topic, send
from answers.labs.waiting import await_end, wait_until
from jobs.ingest import KAFKA_OPTIONS
from jobs.session import spark
from jobs.settings import Settings
from jobs.stream.query import land

KILLS, RECORDS_PER_BATCH = 20, 25
RECORDS = KILLS * RECORDS_PER_BATCH
WRITER = Path(__file__).with_name("writer.py")
WAYS = ("progress_first", "plain", "numbered", "merged")
RELAYED = 50
PATIENCE_SECONDS = 280
POLL_MS = 200


class Fate(NamedTuple):
    """What became of records that were each to be there once."""

    lost: int
    doubled: int


def fate(found: Counter[int], due: range) -> Fate:
    """Records that are missing, and those that are there too often."""
    return Fate((Counter(due) - found).total(), (found - Counter(due)).total())


def numbered(count: int) -> list[tuple[bytes | None, bytes]]:
    """So many messages whose values are 0, 1, 2 and so on."""
    return [(None, str(number).encode()) for number in range(count)]


@pytest.fixture(scope="module")
def killed(settings: Settings) -> Mapping[str, Fate]:
    """The four tables of a writer that was killed once in each of twenty batches."""
    topic = create_topic(settings, "killed")
    send(settings, topic, numbered(RECORDS))
    tables = settings.table_path("lab").replace("s3a://", "s3://", 1)
    done = run_script(WRITER, topic, tables)
    assert done == {"kills": KILLS, "exit": 0}
    return {way: fate(table(settings, f"lab.{way}", "record"), range(RECORDS)) for way in WAYS}


def table(settings: Settings, name: str, column: str) -> Counter[int]:
    """The numbers that a column of a table holds, as Spark reads it."""
    rows = spark(settings).read.format("delta").load(settings.table_path(name))
    return Counter(int(row[0]) for row in rows.selectExpr(column).collect())


@pytest.mark.control
def test_progress_saved_before_the_rows_are_written_loses_them(
    killed: Mapping[str, Fate], evidence: Evidence
) -> None:
    evidence("kills, five at each of four points", KILLS, unit="kills")
    rows = [(way.replace("_", " "), *killed[way]) for way in WAYS]
    evidence.table("after the kills", ("way to write", "lost", "doubled"), rows)
    lost, doubled = killed["progress_first"]
    evidence("records lost by progress saved first", lost, 5 * RECORDS_PER_BATCH, "records")
    assert doubled == 0


@pytest.mark.control
def test_a_plain_append_doubles_what_is_tried_again(
    killed: Mapping[str, Fate], evidence: Evidence
) -> None:
    lost, doubled = killed["plain"]
    evidence("records doubled by the plain append", doubled, 10 * RECORDS_PER_BATCH, "records")
    assert lost == 0


def test_a_commit_that_bears_the_number_of_its_batch_is_made_once(
    killed: Mapping[str, Fate], evidence: Evidence
) -> None:
    evidence("records lost or doubled by numbered commits", sum(killed["numbered"]), 0, "records")


def test_a_merge_by_key_is_right_however_often_it_is_tried(
    killed: Mapping[str, Fate], evidence: Evidence
) -> None:
    evidence("records lost or doubled by merges", sum(killed["merged"]), 0, "records")


def broken_batch(settings: Settings, source: str, sink: str, target: str) -> str:
    """The error of a query whose first batch dies at its last record; then it runs through."""
    options = {
        **KAFKA_OPTIONS,
        "kafka.bootstrap.servers": settings.kafka_bootstrap_servers,
        "subscribe": source,
        "startingOffsets": "earliest",
    }
    raw = spark(settings).readStream.format("kafka").options(**options).load()
    dies = F.when(F.col("offset") == RELAYED - 1, F.raise_error(F.lit("out of luck")))
    broken = raw.select(dies.otherwise(F.col("value").cast("string")).alias("value"))
    with pytest.raises(PySparkException) as error:
        _run(settings, broken, sink, target)
    _run(settings, raw.select(F.col("value").cast("string")), sink, target)
    return str(error.value)


def _run(settings: Settings, rows: DataFrame, sink: str, target: str) -> None:
    writer = rows.writeStream.format(sink).trigger(availableNow=True)
    writer = writer.option("checkpointLocation", settings.table_path(f"checkpoints.{sink}"))
    if sink == "kafka":
        writer = writer.option("kafka.bootstrap.servers", settings.kafka_bootstrap_servers)
        query = writer.option("topic", target).start()
    else:
        query = writer.start(target)
    await_end(query, settings)


def test_spark_s_kafka_sink_delivers_at_least_once_and_its_delta_sink_exactly_once(
    settings: Settings, evidence: Evidence
) -> None:
    source, target = create_topic(settings, "source"), create_topic(settings, "sink")
    send(settings, source, numbered(RELAYED))
    assert "out of luck" in broken_batch(settings, source, "kafka", target)
    broken_batch(settings, source, "delta", settings.table_path("lab.sink"))
    in_kafka = fate(Counter(map(int, values(settings, target))), range(RELAYED))
    in_delta = fate(table(settings, "lab.sink", "value"), range(RELAYED))
    evidence("records doubled by the Kafka sink", in_kafka.doubled, more_than(0), "records")
    evidence("records lost by either sink", in_kafka.lost + in_delta.lost, 0, "records")
    evidence("records doubled by the Delta sink", in_delta.doubled, 0, "records")


def test_the_platform_s_stream_passes_over_what_its_table_has_already(
    settings: Settings, evidence: Evidence
) -> None:
    """Spark calls what is given to `foreachBatch` again with a batch that was not committed."""
    session, topic = spark(settings), settings.topic("orders")
    send(settings, topic, numbered(RELAYED))
    servers = settings.kafka_bootstrap_servers
    read = session.read.format("kafka").options(**KAFKA_OPTIONS).option("subscribe", topic)
    batch = read.option("kafka.bootstrap.servers", servers).load()
    path = settings.table_path("lab.naive_batch")
    landed = []
    for _ in range(2):
        batch.select("value").write.format("delta").mode("append").save(path)
        landed.append(sum(record.counts["landed"] for record in land(batch, settings)))
    text = "CAST(value AS STRING)"
    naive = fate(table(settings, "lab.naive_batch", text), range(RELAYED))
    evidence("records doubled by a naive batch function", naive.doubled, RELAYED, "records")
    evidence("landed by the platform's, first and second time", str(landed), str([RELAYED, 0]))
    assert fate(table(settings, "bronze.orders", text), range(RELAYED)) == Fate(0, 0)


def values(settings: Settings, topic: str, isolation: str = "read_uncommitted") -> list[bytes]:
    """The values of a topic of one partition, as a reader of that isolation gets them."""
    reader = KafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_auto_commit=False,
        isolation_level=isolation,
    )
    place = TopicPartition(topic, 0)
    found: list[bytes] = []
    with closing(reader):
        reader.assign([place])
        reader.seek_to_beginning()
        end = reader.end_offsets([place])[place]

        def is_read() -> bool:
            found.extend(one.value for some in reader.poll(POLL_MS).values() for one in some)
            return bool(reader.position(place) >= end)

        wait_until(is_read, f"all of {topic}", lambda: [len(found)])
    return found


def relay(settings: Settings, source: str, target: str, is_bound: bool, dies: bool) -> None:
    """What the source has beyond the relay's offset is in the target, in a transaction or not.

    One that dies has sent everything, and did not come to its commit.
    """
    servers = {"bootstrap.servers": settings.kafka_bootstrap_servers, "log_level": 0}
    own = {"group.id": target, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    named: dict[str, Any] = {"transactional.id": target} if is_bound else {}
    producer, consumer = Producer(servers | named), Consumer(servers | own)
    if is_bound:
        producer.init_transactions(PATIENCE_SECONDS)  # ends what a predecessor left open
        producer.begin_transaction()
    consumer.assign([Place(source, 0, OFFSET_STORED)])
    records: list[Any] = []
    while len(records) < RELAYED:
        records += consumer.consume(RELAYED - len(records), timeout=PATIENCE_SECONDS)
    for record in records:
        producer.produce(target, record.value())
    assert producer.flush(PATIENCE_SECONDS) == 0
    if not dies:
        offsets = [Place(source, 0, RELAYED)]
        if is_bound:
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
            producer.commit_transaction(PATIENCE_SECONDS)
        else:
            consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()


@pytest.fixture(scope="module")
def relayed(settings: Settings) -> Mapping[str, str]:
    """Two topics that a relay wrote which died once; by whether a transaction bound it."""
    source = create_topic(settings, "input")
    send(settings, source, numbered(RELAYED))
    targets = {name: create_topic(settings, name) for name in ("bound", "unbound")}
    for name, target in targets.items():
        for dies in (True, False):
            relay(settings, source, target, is_bound=name == "bound", dies=dies)
    return targets


@pytest.mark.control
def test_a_relay_without_a_transaction_sends_twice_what_it_had_not_committed(
    settings: Settings, relayed: Mapping[str, str], evidence: Evidence
) -> None:
    found = fate(Counter(map(int, values(settings, relayed["unbound"]))), range(RELAYED))
    evidence("records doubled by the relay alone", found.doubled, RELAYED, "records")


def test_a_transaction_binds_records_and_offsets_and_shows_only_what_it_commits(
    settings: Settings, relayed: Mapping[str, str], evidence: Evidence
) -> None:
    whole = values(settings, relayed["bound"])
    committed = values(settings, relayed["bound"], "read_committed")
    aborted = len(whole) - RELAYED
    evidence("aborted records that read_uncommitted sees", aborted, RELAYED, "records")
    evidence("aborted records that read_committed sees", len(committed) - RELAYED, 0, "records")
    assert fate(Counter(map(int, committed)), range(RELAYED)) == Fate(0, 0)
