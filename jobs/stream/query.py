"""Kafka into bronze by Structured Streaming: one query over all topics, one commit per topic.

The offsets stand in the commits of the bronze tables, as those of a batch run do, so a batch that
is tried again, another query or a batch run in between land no record twice, and each start begins
where the tables end. Source: docs/decisions/streams.md
"""

import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import delta
from jobs.checksum import checksum, row_hash
from jobs.commits import RunRecord
from jobs.decode import RAW_COLUMNS
from jobs.errors import LedgerError
from jobs.evolve import follow
from jobs.ingest import KAFKA_OPTIONS, as_landed, numbered
from jobs.kept import keep
from jobs.run import confirmed, last_run, next_run
from jobs.settings import Settings, load_settings
from jobs.spec import Spec
from jobs.specs import topic_specs
from jobs.stream import checkpoint
from jobs.together import AT_ONCE
from jobs.topics import first_readable, offsets_ahead, require_kept

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

# What is waiting after an outage is read in pieces of this size, so that marts follow meanwhile.
MOST_RECORDS_PER_BATCH = 200_000
FILES_PER_BATCH = 2
TRIGGER = "200 milliseconds"


@dataclass(frozen=True)
class Piece:
    """What a batch holds of one partition: the offsets [first, after), how many, and their sum."""

    partition: str
    first: int
    after: int
    count: int
    sum: int


def streamed(settings: Settings) -> dict[str, Spec]:
    """The bronze tables that a topic feeds, by the topic."""
    return {settings.topic(topic): spec for topic, spec in topic_specs().items()}


def start(session: SparkSession, settings: Settings) -> "StreamingQuery":
    """The running query. One that was left running is ended by Spark.

    Raises: ServiceDown; LakeproofError if a topic is missing; LedgerError if Kafka deleted records
    before they were read.
    """
    tables = streamed(settings)
    own = checkpoint.begin(settings)
    query = (
        session.readStream.format("kafka")
        .options(**KAFKA_OPTIONS)
        .option("kafka.bootstrap.servers", settings.kafka_bootstrap_servers)
        .option("subscribe", ",".join(tables))
        .option("startingOffsets", json.dumps(_recorded(tables, settings)))
        .option("maxOffsetsPerTrigger", MOST_RECORDS_PER_BATCH)
        .load()
        .writeStream.foreachBatch(partial(_land_batch, settings.namespace))
        .option("checkpointLocation", f"s3a://{settings.s3_bucket}/{own}")
        .queryName(f"bronze of {settings.namespace or settings.instance}")
        .trigger(processingTime=TRIGGER)
        .start()
    )
    checkpoint.forget_others(settings, own)
    return query


def _recorded(tables: dict[str, Spec], settings: Settings) -> dict[str, dict[str, int]]:
    """The next offset of each partition; the tables exist from then on."""
    found = {}
    for topic, spec in tables.items():
        last = last_run(settings, spec)
        # Once a start, not with each batch: it reads the table's log.
        follow(settings, settings.table_path(spec.name), RAW_COLUMNS["kafka"])
        known = last.inputs if last else {}
        found[topic], _ = offsets_ahead(settings, topic, known, spec.name)
    return found


def _land_batch(namespace: str, frame: DataFrame, _batch_id: int) -> None:
    """Called by Spark for each micro-batch, in a process of the server: it has the settings there.

    So no password travels with the query.
    """
    land(frame, replace(load_settings(), namespace=namespace))


def land(frame: DataFrame, settings: Settings) -> list[RunRecord]:
    """The records of what was landed: each record of Kafka in the bronze table of its topic, once.

    What a table has already is passed over.
    Raises: ServiceDown; LedgerError if offsets are missing before those of the batch or among them;
    LakeproofError if another run of a table was faster, and then the batch may be tried again.
    """
    tables = streamed(settings)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        raw = keep(as_landed(frame))
        landing = [
            threads.submit(_land_topic, raw.where(F.col("topic") == topic), tables[topic], pieces,
                           settings)
            for topic, pieces in _measured(raw).items()
        ]  # fmt: skip
        return [record for future in landing if (record := future.result())]


def _measured(raw: DataFrame) -> dict[str, list[Piece]]:
    """What a batch holds of each topic."""
    rows = raw.groupBy("topic", "partition").agg(
        F.min("offset").alias("first"),
        F.max("offset").alias("last"),
        F.count("*").alias("count"),
        checksum(row_hash("value")).alias("sum"),
    )
    found = defaultdict(list)
    for row in rows.collect():
        piece = Piece(
            str(row["partition"]), row["first"], row["last"] + 1, row["count"], int(row["sum"])
        )
        found[row["topic"]].append(piece)
    return found


def _land_topic(
    raw: DataFrame, spec: Spec, pieces: list[Piece], settings: Settings
) -> RunRecord | None:
    last = last_run(settings, spec)
    known = {p: int(offset) for p, offset in last.inputs.items()} if last else {}
    if any(piece.first < known.get(piece.partition, 0) for piece in pieces):
        raw = raw.where(_beyond(known, pieces))
        pieces = [piece for found in _measured(raw).values() for piece in found]
    if not pieces:
        return None
    for piece in pieces:
        _require_complete(settings, spec, piece, known)
    record = replace(
        next_run(spec.name, last),
        inputs={**known, **{piece.partition: piece.after for piece in pieces}},
        counts={"landed": sum(piece.count for piece in pieces)},
        checksums={"landed": str(sum(piece.sum for piece in pieces))},
    )
    path = settings.table_path(spec.name)
    # A batch has a partition for each of Kafka's, of all topics; this topic's rows need few files.
    assert spec.source is not None  # a topic feeds it
    rows = numbered(raw, spec.source, record).coalesce(FILES_PER_BATCH)
    delta.append(rows, path, record)
    return confirmed(settings, path, record)


def _beyond(known: dict[str, int], pieces: list[Piece]) -> Any:
    conditions = (
        f"(partition = {piece.partition} AND offset >= {known.get(piece.partition, 0)})"
        for piece in pieces
    )
    return " OR ".join(conditions)


def _require_complete(settings: Settings, spec: Spec, piece: Piece, known: dict[str, int]) -> None:
    """Nothing, if no reader of Kafka gets a record between what is known and the piece."""
    assert spec.source is not None  # a topic feeds it
    topic, end = settings.topic(spec.source.topic), known.get(piece.partition, 0)
    if piece.first == end:
        return
    require_kept(settings, topic, known, spec.name)
    found = first_readable(settings, topic, piece.partition, end, piece.first)
    if found >= piece.first:
        return
    raise LedgerError(
        f"{spec.name}: it holds partition {piece.partition} up to offset {end}, and now came "
        f"[{piece.first}, {piece.after}), though Kafka has a record at {found}. Nothing was "
        "landed: the table was restored or deleted under the stream, which then starts again and "
        "goes on where the table ends."
    )
