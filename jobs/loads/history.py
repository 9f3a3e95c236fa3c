"""Load `history`: every version of an entity with the time it held (slowly changing, type 2).

A version is told by its keys and its sequence. When it holds follows from the versions around it
alone, so records that come late, twice, in any order or cut into any batches end in the same table.
A delete is a version too: it ends the one before it and is never current. Where the source tells
a place in its log (`then_by`), the later word holds also if its time goes back: it takes the place
of every version that begins at its time or after.
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

GONE = "_is_gone"


def stage(rows: DataFrame, spec: Spec, target: DataFrame | None) -> DataFrame:
    """The judged rows with their `_fate`; `target` is the table now, None before it has rows.

    A version that is known is a duplicate. Of two with equal keys and sequence the one of greater
    `then_by`, or else the one that arrived last, is accepted; the other counts as duplicate.
    """
    return newest.stage(rows, [*spec.keys, spec.sequence_by], spec.order, target)


def versions(accepted: DataFrame, stored: DataFrame, spec: Spec) -> DataFrame:
    """The versions to write, as they are stored: the accepted ones and the neighbours they change.

    `stored` is the table now. A version holds from effective_from until before effective_to,
    which is null for the last one. Those with `_is_gone` are to be deleted.
    """
    content = [*spec.transformed, ROW_HASH]
    new = accepted.select(
        *content, F.lit(None).cast("timestamp").alias("stored_to"), F.lit(True).alias("is_new")
    )
    known = stored.join(accepted.select(*spec.keys), on=[*spec.keys], how="left_semi").select(
        *content, F.col("effective_to").alias("stored_to"), F.lit(False).alias("is_new")
    )
    held = _held(known.unionByName(new), spec)
    in_time = Window.partitionBy(*spec.keys, "is_held").orderBy(spec.sequence_by)
    timed = held.withColumn("effective_to", F.lead(spec.sequence_by).over(in_time))
    is_moved = ~F.col("effective_to").eqNullSafe(F.col("stored_to"))
    is_written = F.col("is_held") & (F.col("is_new") | is_moved)
    return (
        timed.where(is_written | F.col(GONE))
        .withColumn("effective_from", F.col(spec.sequence_by))
        .withColumn("is_current", F.col("effective_to").isNull() & ~F.col("is_deleted"))
        .withColumn(spec.surrogate_key, row_hash(*spec.keys, "effective_from"))
        .select(*spec.columns, ROW_HASH, GONE)
    )


def _held(united: DataFrame, spec: Spec) -> DataFrame:
    """The versions with `is_held`, and `_is_gone` for a stored one in whose place none stands."""
    of_one = Window.partitionBy(*spec.keys, spec.sequence_by)
    is_held = F.col("is_new") | ~F.max("is_new").over(of_one)
    if spec.then_by:
        place = F.coalesce(spec.then_by, F.lit(-1))
        in_log = Window.partitionBy(*spec.keys).orderBy(place)
        later = in_log.rangeBetween(1, Window.unboundedFollowing)
        is_void = F.min(spec.sequence_by).over(later) <= F.col(spec.sequence_by)
        is_held = is_held & ~F.coalesce(is_void, F.lit(False))
    held = united.withColumn("is_held", is_held)
    return held.withColumn(GONE, ~F.col("is_new") & ~F.max("is_held").over(of_one))


def publish(accepted: DataFrame, spec: Spec, path: str, record: RunRecord) -> None:
    """Nothing; the table holds the accepted versions, and their neighbours end where they begin."""
    stored = accepted.sparkSession.read.format("delta").load(path)
    changed = versions(accepted, stored, spec)
    delta.merge(changed, path, spec.identity, record, gone=GONE if spec.then_by else "")
