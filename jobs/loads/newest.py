"""Which of the rows that stand for the same thing is kept: the last in order, then in arrival."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.decode import ROW
from jobs.fates import ACCEPTED, DUPLICATE, QUARANTINED, ROW_HASH, is_good


def stage(
    rows: DataFrame, identity: Sequence[str], order: Sequence[str], target: DataFrame | None
) -> DataFrame:
    """The judged rows with their `_fate`: per identity the last one in order is accepted.

    `target` is the table now, None before it has rows; a row that is older than the table's, or
    equal to it, counts as duplicate. Of rows of equal order the one that arrived last is kept: what
    a source delivers again under the same time is its newest word.
    """
    newest_first = Window.partitionBy(*identity, is_good()).orderBy(
        *(F.col(name).desc() for name in (*order, f"{ROW}.arrival"))
    )
    staged = rows.withColumn("_rank", F.row_number().over(newest_first))
    is_beaten = F.col("_rank") > 1
    if target is not None:
        stored = target.select(
            *identity, F.struct(*order).alias("_stored"), F.col(ROW_HASH).alias("_stored_hash")
        )
        staged = staged.join(stored, on=[*identity], how="left")
        is_same = F.col(ROW_HASH) == F.col("_stored_hash")
        is_known = (F.struct(*order) < F.col("_stored")) | (
            (F.struct(*order) == F.col("_stored")) & is_same
        )
        is_beaten = is_beaten | F.coalesce(is_known, F.lit(False))
    fate = F.when(~is_good(), QUARANTINED).when(is_beaten, DUPLICATE).otherwise(ACCEPTED)
    return staged.withColumn("_fate", fate).drop("_rank", "_stored", "_stored_hash")
