"""Every row has exactly one fate: accepted, duplicate or quarantined with its reasons."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.checksum import checksum, row_hash
from jobs.decode import ARRIVAL, ROW
from jobs.errors import SpecError
from jobs.kept import keep_measured
from jobs.spec import Spec
from quality.rules import distinct_metrics, failed_reasons, metrics

ACCEPTED, DUPLICATE, QUARANTINED = FATES = ("accepted", "duplicate", "quarantined")
ROW_HASH = "_row_hash"
# Where the transform of a spec that `refuses` says why a row is refused.
ERROR = "_error"
# What a run adds to the columns of the transform.
ADDED = (ROW, ROW_HASH, "_reasons", "_fate")
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
    """The rows with `_row`; those that come from another table than bronze get one made here."""
    if spec.raw_inputs:
        return rows
    own = F.struct(
        row_hash(*spec.keys).alias("record_id"),
        F.lit(spec.inputs[0]).alias("source"),
        F.lit(None).cast("timestamp").alias("ingested_at"),
        F.lit(None).cast(ARRIVAL).alias("arrival"),
        (F.col(ERROR) if spec.refuses else F.lit(None).cast("string")).alias("error"),
        row_hash(*spec.transformed).alias("raw_hash"),
        F.lit(None).cast("array<string>").alias("new_fields"),
    )
    return rows.withColumn(ROW, own).drop(ERROR)


def require_contract(rows: DataFrame, spec: Spec) -> None:
    """Nothing, if the rows have the columns a transform owes its spec, whatever is added here.

    Raises: SpecError if a column is missing, too many, or of another type.
    """
    types = {field.name: field.dataType.simpleString() for field in rows.schema.fields}
    found = {name: type_ for name, type_ in types.items() if name not in ADDED}
    if found != spec.transformed:
        wrong = sorted(set(found.items()) ^ set(spec.transformed.items()))
        raise SpecError(f"{spec.name}: transform and columns of the spec differ in {wrong}")


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


def tally(staged: DataFrame, spec: Spec) -> tuple[DataFrame, Tally]:
    """The staged batch, kept, and what it holds, measured while it was computed.

    The dataset rules' numbers are those of the accepted rows.
    """
    names = distinct_metrics(spec.dataset_rules)
    numbers = metrics(spec.dataset_rules, _accepted_only)
    observed = {name: value for name, value in numbers.items() if name not in names}
    kept, found = keep_measured(staged, {**_measures(), **observed})
    if names:
        distinct = (numbers[name].alias(name) for name in names)
        found |= kept.agg(*distinct).collect()[0].asDict()
    counts = {fate: found[f"{fate}_rows"] for fate in FATES}
    checksums = {f"{fate}_raw": found[f"{fate}_raw"] for fate in FATES}
    return kept, Tally(
        counts,
        {**checksums, "content": found["content"]},
        _reasons(kept) if counts[QUARANTINED] else {},
        {name: found[name] for name in numbers},
        found["strange"],
    )


def _measures() -> dict[str, Column]:
    """Rows and checksums by fate, the checksum of what is accepted, and how many are strange."""
    is_fate = {fate: F.col("_fate") == fate for fate in FATES}
    raw_hash = F.col(f"{ROW}.raw_hash")
    rows = {f"{fate}_rows": F.count_if(condition) for fate, condition in is_fate.items()}
    raw = {f"{fate}_raw": checksum(F.when(c, raw_hash)) for fate, c in is_fate.items()}
    return {
        **rows,
        **raw,
        "content": checksum(_accepted_only(F.col(ROW_HASH))),
        "strange": F.count(f"{ROW}.new_fields"),
    }


def _accepted_only(value: Column) -> Column:
    return F.when(F.col("_fate") == ACCEPTED, value)


def _reasons(kept: DataFrame) -> dict[str, int]:
    """How many quarantined rows each reason was given for."""
    refused = kept.where(F.col("_fate") == QUARANTINED).groupBy("_reasons").count()
    reasons = Counter[str]()
    for row in refused.collect():
        reasons.update(dict.fromkeys(row["_reasons"], row["count"]))
    return dict(sorted(reasons.items()))
