"""Changes of a database, pulled or captured: rows as they became, and rows that were deleted."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.decode import ROW

# By operation, whether it deletes: what a pull says; and Debezium: read in the snapshot, created,
# updated, deleted.
PULLED = {"upsert": False, "delete": True}
CAPTURED = {"r": False, "c": False, "u": False, "d": True}


def with_deletes_marked(changes: DataFrame, deletes: Mapping[str, bool] = PULLED) -> DataFrame:
    """The changes with `is_deleted` in place of `operation`; null where that is no known one."""
    is_deleted = F.lit(None).cast("boolean")
    for operation, is_delete in deletes.items():
        is_deleted = F.when(F.col("operation") == operation, is_delete).otherwise(is_deleted)
    return changes.withColumn("is_deleted", is_deleted).drop("operation")


def refused(changes: DataFrame, condition: Column, reason: Column) -> DataFrame:
    """The changes; where the condition holds, one that was decoded is refused for the reason."""
    is_refused = F.col(f"{ROW}.error").isNull() & condition
    error = F.when(is_refused, reason).otherwise(F.col(f"{ROW}.error"))
    return changes.withColumn(ROW, F.col(ROW).withField("error", error))


def captured(changes: DataFrame) -> DataFrame:
    """The same of captured changes, with the instant of their commit in place of its number."""
    committed_at = F.timestamp_micros("committed_at_us")
    marked = with_deletes_marked(changes, CAPTURED).withColumn("committed_at", committed_at)
    return marked.drop("committed_at_us", "transaction_id")
