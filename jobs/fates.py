"""Every row has exactly one fate: accepted, duplicate or quarantined with its reasons."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.checksum import checksum, row_hash
from jobs.decode import ROW
from jobs.errors import SpecError
from jobs.spec import Spec
from quality.rules import failed_reasons, metrics

ACCEPTED, DUPLICATE, QUARANTINED = FATES = ("accepted", "duplicate", "quarantined")
ROW_HASH = "_row_hash"
KEY_CONFLICT = "key_conflict"


@dataclass(frozen=True)
class Tally:
    """Rows per fate with their checksums, rows per reason, and the dataset rules' numbers."""

    counts: dict[str, int]
    checksums: dict[str, str]
    reasons: dict[str, int]
    metrics: dict[str, Any]


def contract(rows: DataFrame, spec: Spec) -> DataFrame:
    """The rows with exactly the spec's columns, in its order, and `_row`.

    Rows that come from another table than bronze get a `_row` made of their own content.
    Raises: SpecError if a column is missing, too many, or of another type.
    """
    found = {f.name: f.dataType.simpleString() for f in rows.schema.fields if f.name != ROW}
    if found != spec.types:
        wrong = sorted(set(found.items()) ^ set(spec.types.items()))
        raise SpecError(f"{spec.name}: transform and columns of the spec differ in {wrong}")
    if ROW not in rows.columns:
        own = F.struct(
            row_hash(*spec.keys).alias("record_id"),
            F.lit(spec.inputs[0]).alias("source"),
            F.lit(None).cast("timestamp").alias("ingested_at"),
            F.lit(None).cast("string").alias("error"),
            row_hash(*spec.columns).alias("raw_hash"),
        )
        rows = rows.withColumn(ROW, own)
    return rows.select(*spec.columns, ROW)


def judged(rows: DataFrame, spec: Spec) -> DataFrame:
    """The rows with `_reasons` (empty for a good row) and `_row_hash` over all columns."""
    undecoded = F.col(f"{ROW}.error")
    reasons = F.when(undecoded.isNotNull(), F.array(undecoded)).otherwise(
        failed_reasons(spec.row_rules)
    )
    return rows.withColumns({"_reasons": reasons, ROW_HASH: row_hash(*spec.columns)})


def is_good() -> Any:
    """The condition that a judged row broke no row rule."""
    return F.size("_reasons") == 0


def tally(staged: DataFrame, spec: Spec) -> Tally:
    """What the staged batch holds, measured on the frame that will be published."""
    fates = staged.groupBy("_fate").agg(
        F.count("*").alias("rows"),
        checksum(F.col(f"{ROW}.raw_hash")).alias("raw"),
        checksum(F.col(ROW_HASH)).alias("content"),
    )
    found = {row["_fate"]: row for row in fates.collect()}
    counts = {fate: int(found[fate]["rows"]) if fate in found else 0 for fate in FATES}
    checksums = {f"{fate}_raw": found[fate]["raw"] if fate in found else "0" for fate in FATES}
    checksums["content"] = found[ACCEPTED]["content"] if ACCEPTED in found else "0"
    reasons: dict[str, int] = {}
    if counts[QUARANTINED]:
        each = staged.where(F.col("_fate") == QUARANTINED).select(F.explode("_reasons").alias("r"))
        reasons = {row["r"]: int(row["count"]) for row in each.groupBy("r").count().collect()}
    numbers: dict[str, Any] = {}
    if spec.dataset_rules:
        accepted = staged.where(F.col("_fate") == ACCEPTED)
        numbers = accepted.agg(*metrics(spec.dataset_rules)).collect()[0].asDict()
    return Tally(counts, checksums, reasons, numbers)
