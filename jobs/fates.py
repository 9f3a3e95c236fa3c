"""Every row has exactly one fate: accepted, duplicate or quarantined with its reasons."""

from collections import Counter
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
    """Rows per fate with their checksums, rows per reason, and the dataset rules' numbers.

    Strange are rows with fields that their contract does not know.
    """

    counts: dict[str, int]
    checksums: dict[str, str]
    reasons: dict[str, int]
    metrics: dict[str, Any]
    strange_count: int = 0


def contract(rows: DataFrame, spec: Spec) -> DataFrame:
    """The rows with exactly the columns a transform owes its spec, in that order, and `_row`.

    Rows that come from another table than bronze get a `_row` made of their own content.
    Raises: SpecError if a column is missing, too many, or of another type.
    """
    found = {f.name: f.dataType.simpleString() for f in rows.schema.fields if f.name != ROW}
    if found != spec.transformed:
        wrong = sorted(set(found.items()) ^ set(spec.transformed.items()))
        raise SpecError(f"{spec.name}: transform and columns of the spec differ in {wrong}")
    if ROW not in rows.columns:
        own = F.struct(
            row_hash(*spec.keys).alias("record_id"),
            F.lit(spec.inputs[0]).alias("source"),
            F.lit(None).cast("timestamp").alias("ingested_at"),
            F.lit(None).cast("string").alias("error"),
            row_hash(*spec.transformed).alias("raw_hash"),
            F.lit(None).cast("array<string>").alias("new_fields"),
        )
        rows = rows.withColumn(ROW, own)
    return rows.select(*spec.transformed, ROW)


def judged(rows: DataFrame, spec: Spec) -> DataFrame:
    """The rows with `_reasons` (empty for a good row) and `_row_hash` over what was transformed."""
    undecoded = F.col(f"{ROW}.error")
    reasons = F.when(undecoded.isNotNull(), F.array(undecoded)).otherwise(
        failed_reasons(spec.row_rules)
    )
    return rows.withColumns({"_reasons": reasons, ROW_HASH: row_hash(*spec.transformed)})


def is_good() -> Any:
    """The condition that a judged row broke no row rule."""
    return F.size("_reasons") == 0


def tally(staged: DataFrame, spec: Spec) -> Tally:
    """What the staged batch holds, measured in one pass over the frame that will be published.

    Accepted rows have no reasons, so they are one group and its metrics those of the whole batch.
    """
    groups = staged.groupBy("_fate", "_reasons").agg(
        F.count("*").alias("rows"),
        checksum(F.col(f"{ROW}.raw_hash")).alias("raw"),
        checksum(F.col(ROW_HASH)).alias("content"),
        F.count(f"{ROW}.new_fields").alias("strange"),
        *metrics(spec.dataset_rules),
    )
    counts, raw, reasons = Counter[str](), Counter[str](), Counter[str]()
    numbers: dict[str, Any] | None = None
    content, strange_count = "0", 0
    for group in groups.collect():
        strange_count += group["strange"]
        counts[group["_fate"]] += group["rows"]
        raw[group["_fate"]] += int(group["raw"])
        if group["_fate"] == QUARANTINED:
            reasons.update(dict.fromkeys(group["_reasons"], group["rows"]))
        elif group["_fate"] == ACCEPTED:
            content = group["content"]
            numbers = group.asDict()
    if numbers is None and spec.dataset_rules:
        numbers = staged.limit(0).agg(*metrics(spec.dataset_rules)).collect()[0].asDict()
    checksums = {f"{fate}_raw": str(raw[fate]) for fate in FATES}
    return Tally(
        {fate: counts[fate] for fate in FATES},
        {**checksums, "content": content},
        dict(sorted(reasons.items())),
        numbers or {},
        strange_count,
    )
