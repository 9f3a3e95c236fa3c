"""Load `insert`: events that never change. The first record of a key is kept.

The same content again is a duplicate; other content under a known key is a conflict and goes to
quarantine, because nobody can say which of the two is right.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.commits import RunRecord
from jobs.decode import ROW
from jobs.fates import ACCEPTED, DUPLICATE, KEY_CONFLICT, QUARANTINED, ROW_HASH, is_good
from jobs.kept import keep_measured
from jobs.spec import Spec


def stage(rows: DataFrame, spec: Spec, target: DataFrame | None) -> DataFrame:
    """The judged rows with their `_fate`; `target` is the table now, None before it has rows."""
    rows, bounds = keep_measured(rows, _bounds(spec))
    good = rows.where(is_good())
    known = _contested(good, spec)
    if target is not None:
        stored = _stored(good, spec, target, bounds)
        known = known.join(stored, on=list(spec.keys), how="left_anti").unionByName(stored)
    is_first = F.col("known_hash").isNull() | (F.col("first_id") == F.col(f"{ROW}.record_id"))
    is_same = F.col("known_hash") == F.col(ROW_HASH)
    is_conflict = is_good() & ~F.coalesce(is_first, F.lit(False)) & ~is_same
    fate = (
        F.when(~is_good() | is_conflict, QUARANTINED)
        .when(F.coalesce(is_first, F.lit(False)), ACCEPTED)
        .otherwise(DUPLICATE)
    )
    reasons = F.when(is_conflict, F.array(F.lit(KEY_CONFLICT))).otherwise(F.col("_reasons"))
    return (
        rows.join(F.broadcast(known), on=list(spec.keys), how="left")
        .withColumns({"_fate": fate, "_reasons": reasons})
        .drop("known_hash", "first_id")
    )


def _contested(good: DataFrame, spec: Spec) -> DataFrame:
    """Keys that occur more than once in the batch, and the first record of each.

    Found by 64-bit hash first, which is several times cheaper than grouping by the keys; the few
    rows whose hash occurs again are then grouped by the keys themselves.
    """
    record_id = F.col(f"{ROW}.record_id")
    # As the runs met them, so that a rebuild in one batch keeps what they kept; by no clock.
    arrival = F.col(f"{ROW}.arrival")
    hashed = good.withColumn("key_hash", F.xxhash64(*spec.keys))
    again = hashed.groupBy("key_hash").count().where("count > 1").select("key_hash")
    return (
        hashed.join(F.broadcast(again), on="key_hash", how="left_semi")
        .groupBy(*spec.keys)
        .agg(
            F.count("*").alias("times"),
            F.min_by(ROW_HASH, arrival).alias("known_hash"),
            F.min_by(record_id, arrival).alias("first_id"),
        )
        .where("times > 1")
        .drop("times")
    )


def _bounds(spec: Spec) -> dict[str, Column]:
    """The least and the greatest of each key among the good rows."""
    good = {key: F.when(is_good(), F.col(key)) for key in spec.keys}
    least = {f"min_{key}": F.min(value) for key, value in good.items()}
    return least | {f"max_{key}": F.max(value) for key, value in good.items()}


def _stored(good: DataFrame, spec: Spec, target: DataFrame, bounds: Mapping[str, Any]) -> DataFrame:
    """Keys of the batch that the table has already. The bounds let Delta skip files."""
    within = [F.col(key).between(bounds[f"min_{key}"], bounds[f"max_{key}"]) for key in spec.keys]
    return (
        target.where(reduce(lambda a, b: a & b, within))
        .join(good.select(*spec.keys), on=list(spec.keys), how="left_semi")
        .select(
            *spec.keys,
            F.col(ROW_HASH).alias("known_hash"),
            F.lit(None).cast("bigint").alias("first_id"),
        )
    )


def publish(accepted: DataFrame, spec: Spec, path: str, record: RunRecord) -> None:
    """Nothing; the accepted rows are in the table once, however often the run is tried."""
    delta.append(accepted.select(*spec.columns, ROW_HASH), path, record)
