"""Load `upsert`: entities of type 1. The newest version of a key is kept in any order of arrival.

A version that is older than the kept one, or equal to it, changes nothing and counts as duplicate.
"""

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from jobs import delta
from jobs.delta import RunRecord, recorded
from jobs.fates import ACCEPTED, DUPLICATE, QUARANTINED, ROW_HASH, is_good
from jobs.spec import Spec

SOURCE_VIEW = "lakeproof_upsert"


def stage(rows: DataFrame, spec: Spec, target: DataFrame | None) -> DataFrame:
    """The judged rows with their `_fate`; `target` is the table now, None before it has rows.

    Versions of one key with equal sequence are ordered by their hash, so that every order of
    arrival ends in the same table.
    """
    newest_first = Window.partitionBy(*spec.keys, is_good()).orderBy(
        F.col(spec.sequence_by).desc(), F.col(ROW_HASH).desc(), F.col("_row.record_id")
    )
    ranked = rows.withColumn("_rank", F.row_number().over(newest_first))
    kept = F.lit(False)
    if target is not None:
        stored = target.select(
            *spec.keys,
            F.col(spec.sequence_by).alias("stored_sequence"),
            F.col(ROW_HASH).alias("stored_hash"),
        )
        ranked = ranked.join(stored, on=list(spec.keys), how="left")
        is_older = F.col(spec.sequence_by) < F.col("stored_sequence")
        is_tied = F.col(spec.sequence_by) == F.col("stored_sequence")
        loses_tie = is_tied & (F.col(ROW_HASH) <= F.col("stored_hash"))
        is_equal = F.col(ROW_HASH) == F.col("stored_hash")
        kept = F.coalesce(is_older | loses_tie | is_equal, F.lit(False))
    fate = (
        F.when(~is_good(), QUARANTINED)
        .when((F.col("_rank") > 1) | kept, DUPLICATE)
        .otherwise(ACCEPTED)
    )
    return ranked.withColumn("_fate", fate).drop("_rank", "stored_sequence", "stored_hash")


def publish(
    session: SparkSession, accepted: DataFrame, path: str, record: RunRecord, keys: tuple[str, ...]
) -> None:
    """Nothing; the table holds the accepted version of each of their keys."""
    accepted.createOrReplaceTempView(SOURCE_VIEW)
    same_key = " AND ".join(f"target.`{key}` = source.`{key}`" for key in keys)
    with recorded(session, record):
        session.sql(
            f"MERGE INTO {delta.ref(path)} AS target USING {SOURCE_VIEW} AS source ON {same_key} "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )
