"""Load `history`: every version of an entity with the time it held (slowly changing, type 2).

A version is told by its keys and its sequence. When it holds follows from the versions around it
alone, so records that come late, twice, in any order or cut into any batches end in the same table.
A delete is a version too: it ends the one before it and is never current.
Source: docs/decisions/history-of-versions.md
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs import delta
from jobs.checksum import row_hash
from jobs.commits import RunRecord
from jobs.fates import ROW_HASH
from jobs.loads import newest
from jobs.spec import Spec


def stage(rows: DataFrame, spec: Spec, target: DataFrame | None) -> DataFrame:
    """The judged rows with their `_fate`; `target` is the table now, None before it has rows.

    A version that is known is a duplicate. Of two with equal keys and sequence the one of greater
    `then_by`, or else of greater hash, is accepted; the other counts as duplicate.
    """
    return newest.stage(rows, [*spec.keys, spec.sequence_by], spec.order, target)


def versions(accepted: DataFrame, stored: DataFrame, spec: Spec) -> DataFrame:
    """The versions to write, as they are stored: the accepted ones and the neighbours they change.

    `stored` is the table now. A version holds from effective_from until before effective_to,
    which is null for the last one.
    """
    content = [*spec.transformed, ROW_HASH]
    new = accepted.select(
        *content, F.lit(None).cast("timestamp").alias("stored_to"), F.lit(True).alias("is_new")
    )
    known = stored.join(accepted.select(*spec.keys), on=[*spec.keys], how="left_semi").select(
        *content, F.col("effective_to").alias("stored_to"), F.lit(False).alias("is_new")
    )
    in_time = Window.partitionBy(*spec.keys).orderBy(spec.sequence_by, "is_new")
    following = F.lead(spec.sequence_by).over(in_time)
    timed = known.unionByName(new).withColumn("effective_to", following)
    is_replaced = F.col("effective_to").eqNullSafe(F.col(spec.sequence_by))
    is_changed = F.col("is_new") | ~F.col("effective_to").eqNullSafe(F.col("stored_to"))
    return (
        timed.where(~is_replaced & is_changed)
        .withColumn("effective_from", F.col(spec.sequence_by))
        .withColumn("is_current", F.col("effective_to").isNull() & ~F.col("is_deleted"))
        .withColumn(spec.surrogate_key, row_hash(*spec.keys, "effective_from"))
        .select(*spec.columns, ROW_HASH)
    )


def publish(accepted: DataFrame, spec: Spec, path: str, record: RunRecord) -> None:
    """Nothing; the table holds the accepted versions, and their neighbours end where they begin."""
    stored = accepted.sparkSession.read.format("delta").load(path)
    changed = versions(accepted, stored, spec)
    delta.merge(changed, path, spec.identity, record)
