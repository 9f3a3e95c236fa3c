"""A corrected record put back through the door that its original came by.

It is a new record with its own place and its own fate; bronze and the original stay as they are.
"""

from io import BytesIO
from typing import Any

from kafka import KafkaProducer
from pyspark.sql import Row, SparkSession

from jobs.decode import record_id
from jobs.errors import LakeproofError
from jobs.session import object_store, require_kafka, spark
from jobs.settings import Settings
from jobs.spec import Source, Spec
from jobs.specs import find_spec
from quality.actions import FIXED, write_down
from quality.release import Picked, pick

CORRECTS_HEADER = "corrects"
ACKNOWLEDGE_SECONDS = 30


def fix(settings: Settings, table: str, number: int, corrected: bytes) -> str:
    """Where the corrected record now stands; the next runs of bronze and the table take it in.

    Raises: SpecError for an unknown table; LakeproofError for a record that was not refused, that
    something was done about already, or a correction of several lines for a file of lines.
    """
    session = spark(settings)
    spec = find_spec(table)
    chosen = pick(session, settings, Picked(table, record_ids=(number,)))
    refused = chosen.collect()[0]
    if refused["action"]:
        raise LakeproofError(f"record {number} of {table} was {refused['action']} already")
    original, source = _original(session, settings, spec, number)
    if source.kind == "kafka":
        place = _to_topic(settings, source, original, (refused["source"], corrected))
    else:
        place = _to_landing(settings, source, original, (number, corrected))
    write_down(session, settings, chosen, (table, FIXED, "", f"corrected by {place}"))
    return place


def _original(
    session: SparkSession, settings: Settings, spec: Spec, number: int
) -> tuple[Row, Source]:
    """The raw record in bronze and the source it came from."""
    for name in spec.raw_inputs:
        source = find_spec(name).source
        assert source is not None  # raw inputs are bronze tables
        rows = session.read.format("delta").load(settings.table_path(name))
        found = rows.where(record_id(source) == number).collect()
        if found:
            return found[0], source
    raise LakeproofError(
        f"{spec.name} reads {', '.join(spec.inputs)}, in which no raw record {number} stands. "
        "Mend the record in the table it was first refused by."
    )


def _to_topic(
    settings: Settings, source: Source, original: Row, correction: tuple[str, bytes]
) -> str:
    """The record's place once the broker has it, under its original's key."""
    corrects, value = correction
    require_kafka(settings)
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, acks="all")
    try:
        key = None if original["key"] is None else bytes(original["key"])
        headers = [(CORRECTS_HEADER, corrects.encode())]
        sent = producer.send(settings.topic(source.topic), value=value, key=key, headers=headers)
        stored: Any = sent.get(timeout=ACKNOWLEDGE_SECONDS)
    finally:
        producer.close()
    return f"{stored.topic}/{stored.partition}/{stored.offset}"


def _to_landing(
    settings: Settings, source: Source, original: Row, correction: tuple[int, bytes]
) -> str:
    """The file's place; its name is the original's id, so sending it twice lands it once."""
    number, value = correction
    line = value.rstrip(b"\r\n")
    if b"\n" in line:
        raise LakeproofError("the correction has several lines; a record of a file is one line")
    header = [] if original["header"] is None else [bytes(original["header"])]
    data = b"\n".join([*header, line, b""])
    key = settings.object_key(f"{source.prefix}corrections/{number}.{source.format}")
    object_store(settings).put_object(settings.s3_bucket, key, BytesIO(data), len(data))
    return key
