"""Which of the rows that stand for the same thing is kept, whatever order they arrive in."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.decode import ROW
from jobs.fates import ACCEPTED, DUPLICATE, QUARANTINED, ROW_HASH, is_good


def stage(
    rows: DataFrame, identity: Sequence[str], order: Sequence[str], target: DataFrame | None
) -> DataFrame:
    """The judged rows with their `_fate`: per identity the last one in order is accepted.

    `target` is the table now, None before it has rows; a row that is no newer than the table's
    counts as duplicate. Rows of equal order are ordered by their hash, so that every order of
    arrival ends in the same table.
    """
    newest_first = Window.partitionBy(*identity, is_good()).orderBy(
        *(F.col(name).desc() for name in (*order, ROW_HASH)), F.col(f"{ROW}.record_id")
    )
    staged = rows.withColumn("_rank", F.row_number().over(newest_first))
    is_beaten = F.col("_rank") > 1
    if target is not None:
        stored = target.select(*identity, F.struct(*order, ROW_HASH).alias("_stored"))
        staged = staged.join(stored, on=[*identity], how="left")
        is_stored = F.struct(*order, ROW_HASH) <= F.col("_stored")
        is_beaten = is_beaten | F.coalesce(is_stored, F.lit(False))
    fate = F.when(~is_good(), QUARANTINED).when(is_beaten, DUPLICATE).otherwise(ACCEPTED)
    return staged.withColumn("_fate", fate).drop("_rank", "_stored")
