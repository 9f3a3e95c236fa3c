"""Raw records into bronze, byte for byte: new Kafka offsets and new landing files.

Files of a source with `pull` are fetched first.
"""

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from minio import Minio
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BinaryType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from jobs import delta
from jobs.checksum import checksum, row_hash
from jobs.commits import RunRecord
from jobs.decode import RAW_COLUMNS
from jobs.errors import LedgerError
from jobs.kept import keep_measured
from jobs.packed import first_bytes, is_readable
from jobs.pull import pull
from jobs.session import object_store
from jobs.settings import Settings
from jobs.spec import Source, Spec
from jobs.topics import offsets_ahead

KAFKA_OPTIONS = {
    "includeHeaders": "true",
    "failOnDataLoss": "true",
    "kafka.default.api.timeout.ms": "20000",
    "kafka.request.timeout.ms": "10000",
    # A broker answers as soon as it has data; the usual 500 ms are spent at each partition's end.
    "kafka.fetch.max.wait.ms": "20",
}
# As objects, not as text: Spark would have to be asked what the text says.
LISTED = StructType(
    [
        StructField("path", StringType()),
        StructField("etag", StringType()),
        StructField("ingested_at", TimestampType()),
        StructField("size_bytes", LongType()),
    ]
)
UNREADABLE = StructType(
    [
        StructField("path", StringType()),
        StructField("line_number", LongType()),
        StructField("value", BinaryType()),
    ]
)


def ingest(session: SparkSession, spec: Spec, settings: Settings, record: RunRecord) -> RunRecord:
    """The record of what was landed; counts['landed'] is 0 when there was nothing new.

    Raises: ServiceDown; PullFailed; LedgerError if Kafka holds fewer records than promised.
    """
    source = _source(spec)
    if source.kind == "kafka":
        raw, inputs, promised = _new_offsets(session, spec, settings, record.inputs)
    else:
        pulled = _pulled(spec, settings, record.inputs)
        raw, inputs, promised = _new_files(session, spec, settings)
        inputs |= pulled
    if raw is None:
        return replace(record, counts={"landed": 0})
    measures = {"landed": F.count("*"), "sum": checksum(row_hash("value"))}
    raw, found = keep_measured(raw, measures)
    landed = found["landed"]
    if promised is not None and landed != promised:
        raise LedgerError(
            f"{spec.name}: offsets {inputs} promise {promised} records, Kafka gave {landed}. "
            "Records were deleted before they were read; nothing was landed."
        )
    done = replace(
        record, inputs=inputs, counts={"landed": landed}, checksums={"landed": found["sum"]}
    )
    delta.append(raw.select(*RAW_COLUMNS[source.kind]), settings.table_path(spec.name), done)
    return done


def _pulled(spec: Spec, settings: Settings, consumed: dict[str, Any]) -> dict[str, Any]:
    """How far the source is pulled; empty where others land the files."""
    if not _source(spec).pull:
        return {}
    return {"watermark": pull(spec, settings, consumed.get("watermark")).watermark}


def _source(spec: Spec) -> Source:
    assert spec.source is not None  # spec.py lets no bronze table be without
    return spec.source


def _new_offsets(
    session: SparkSession, spec: Spec, settings: Settings, consumed: dict[str, Any]
) -> tuple[DataFrame | None, dict[str, Any], int | None]:
    """Records from the offsets of the last run up to the ends of the partitions now."""
    topic = settings.topic(_source(spec).topic)
    starts, ends = offsets_ahead(settings, topic, consumed, spec.name)
    promised = sum(ends[partition] - starts[partition] for partition in ends)
    if promised <= 0:
        return None, consumed, 0
    raw = (
        session.read.format("kafka")
        .options(**KAFKA_OPTIONS)
        .option("kafka.bootstrap.servers", settings.kafka_bootstrap_servers)
        .option("subscribe", topic)
        .option("startingOffsets", json.dumps({topic: starts}))
        .option("endingOffsets", json.dumps({topic: ends}))
        .load()
    )
    return as_landed(raw), dict(ends), promised


def as_landed(records: DataFrame) -> DataFrame:
    """What Spark reads from Kafka, in bronze's columns."""
    named = records.withColumnRenamed("timestamp", "ingested_at")
    return named.withColumn("_proc_date", F.to_date("ingested_at"))


def _new_files(
    session: SparkSession, spec: Spec, settings: Settings
) -> tuple[DataFrame | None, dict[str, Any], int | None]:
    """Lines of the objects whose (path, etag) has not landed yet.

    An object without lines, or one that cannot be unpacked, is one row with line number 0.
    """
    source = _source(spec)
    store = object_store(settings)
    landed = session.read.format("delta").load(settings.table_path(spec.name))
    files = landed.select("path", "etag").distinct().collect()
    known = {(file["path"], file["etag"]) for file in files}
    found = [entry for entry in _objects(store, source, settings) if entry[:2] not in known]
    inputs = {"files": len(known) + len(found)}
    if not found:
        return None, inputs, None
    listed = session.createDataFrame(found, LISTED)
    readable = {
        path for path, *_, size in found if size and is_readable(store, settings.s3_bucket, path)
    }
    rows = session.createDataFrame(
        [
            (path, 0, bytearray(first_bytes(store, settings.s3_bucket, path) if size else b""))
            for path, *_, size in found
            if path not in readable
        ],
        UNREADABLE,
    ).withColumn("header", F.lit(None).cast("binary"))
    if readable:
        lines = _lines(session, source, sorted(readable), settings.s3_bucket)
        rows = lines.select(*UNREADABLE.names, "header").unionByName(rows)
    rows = rows.join(F.broadcast(listed), "path")
    return rows.withColumn("_proc_date", F.to_date("ingested_at")), inputs, None


def _objects(
    store: Minio, source: Source, settings: Settings
) -> list[tuple[str, str, datetime, int]]:
    prefix = settings.object_key(source.prefix)
    return [
        (item.object_name, item.etag.strip('"'), item.last_modified, item.size)
        for item in store.list_objects(settings.s3_bucket, prefix=prefix, recursive=True)
    ]


def _literally(path: str) -> str:
    """The path with what a reader would take for a pattern escaped."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", path)


def _lines(session: SparkSession, source: Source, paths: list[str], bucket: str) -> DataFrame:
    """One row per line with its number; a CSV's header goes onto each of its lines instead.

    A header without lines is kept as an empty row with line number 0.
    """
    root = f"s3a://{bucket}/"
    in_file = Window.partitionBy("path").orderBy("block_start", "position")
    # Spark gives an address in URL form, in which a plus sign stands for itself.
    address = F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B"))
    lines = (
        session.read.text([root + _literally(path) for path in paths])
        .select(
            F.col("value").cast("binary").alias("value"),
            F.url_decode(F.substr(address, F.lit(len(root) + 1))).alias("path"),
            F.col("_metadata.file_block_start").alias("block_start"),
            F.monotonically_increasing_id().alias("position"),
        )
        .withColumn("line_number", F.row_number().over(in_file).cast("bigint"))
    )
    if source.format != "csv":
        return lines.withColumn("header", F.lit(None).cast("binary"))
    first_line = F.first("value").over(in_file)
    is_alone = (F.col("line_number") == 1) & F.lead("value").over(in_file).isNull()
    return (
        lines.withColumns({"header": first_line, "is_alone": is_alone})
        .where("line_number > 1 OR is_alone")
        .withColumns(
            {
                "line_number": F.when(F.col("is_alone"), 0).otherwise(F.col("line_number")),
                "value": F.when(F.col("is_alone"), F.expr("X''")).otherwise(F.col("value")),
            }
        )
    )
