"""New deliveries of a landing area as raw rows, a line each."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BinaryType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from jobs.readable import Delivery, first_bytes, readable
from jobs.session import object_store
from jobs.settings import Settings
from jobs.spec import Source, Spec

# As objects, not as text: Spark would have to be asked what the text says.
LISTED = StructType(
    [
        StructField("key", StringType()),
        StructField("path", StringType()),
        StructField("etag", StringType()),
        StructField("ingested_at", TimestampType()),
        StructField("size_bytes", LongType()),
    ]
)
WHOLE = StructType(
    [
        StructField("key", StringType()),
        StructField("line_number", LongType()),
        StructField("value", BinaryType()),
    ]
)


def new_deliveries(
    session: SparkSession, spec: Spec, settings: Settings
) -> tuple[list[Delivery], int]:
    """The objects that are not what landed of their path last, and how many deliveries landed."""
    assert spec.source is not None  # spec.py lets no bronze table be without
    landed = session.read.format("delta").load(settings.table_path(spec.name))
    known = landed.select("path", "etag", "run_number", "ingested_at").distinct().collect()
    arrived = sorted(known, key=lambda each: (each["run_number"] or 0, each["ingested_at"]))
    last = {each["path"]: each["etag"] for each in arrived}
    new = [each for each in _listed(spec.source, settings) if last.get(each.path) != each.etag]
    return new, len(known)


def _listed(source: Source, settings: Settings) -> list[Delivery]:
    prefix = settings.object_key(source.prefix)
    found = object_store(settings).list_objects(settings.s3_bucket, prefix=prefix, recursive=True)
    return [
        Delivery(item.object_name, item.etag.strip('"'), item.last_modified, item.size)
        for item in found
    ]


@contextmanager
def raw_lines(
    session: SparkSession, source: Source, settings: Settings, found: list[Delivery]
) -> Iterator[DataFrame]:
    """One row per line of the deliveries, for a block; the copies it is read from go then.

    One without lines, or that cannot be unpacked, is one row with line number 0.
    """
    with readable(settings, found) as keys:
        lying = {each.path for each in keys.values()}
        whole = {each.path: each for each in found if each.path not in lying}
        told = [(key, 0, bytearray(first_bytes(settings, each))) for key, each in whole.items()]
        rows = session.createDataFrame(told, WHOLE).withColumn("header", _no_header())
        if keys:
            lines = _lines(session, source, keys, settings.s3_bucket)
            rows = lines.select(*rows.columns).unionByName(rows)
        listed = [(key, *astuple(each)) for key, each in {**whole, **keys}.items()]
        rows = rows.join(F.broadcast(session.createDataFrame(listed, LISTED)), "key")
        yield rows.withColumn("_proc_date", F.to_date("ingested_at"))


def first_line_number(source: Source) -> int:
    """The line number that every delivery has exactly once, if it is not 0 instead."""
    return 2 if source.format == "csv" else 1


def _no_header() -> Column:
    return F.lit(None).cast("binary")


def _lines(
    session: SparkSession, source: Source, keys: Mapping[str, Delivery], bucket: str
) -> DataFrame:
    """One row per line with its number; a CSV's header goes onto each of its lines instead.

    A header without lines is kept as an empty row with line number 0.
    """
    root = f"s3a://{bucket}/"
    in_file = Window.partitionBy("key").orderBy("block_start", "position")
    lines = (
        session.read.text([root + key for key in sorted(keys)])
        .select(
            F.col("value").cast("binary").alias("value"),
            F.substr("_metadata.file_path", F.lit(len(root) + 1)).alias("key"),
            F.col("_metadata.file_block_start").alias("block_start"),
            F.monotonically_increasing_id().alias("position"),
        )
        .withColumn("line_number", F.row_number().over(in_file).cast("bigint"))
    )
    if source.format != "csv":
        return lines.withColumn("header", _no_header())
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
