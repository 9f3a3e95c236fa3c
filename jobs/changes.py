"""Changes of a database, pulled or captured: rows as they became, and rows that were deleted."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# What a pull says, and what Debezium does: read in the snapshot, created, updated, deleted.
IS_DELETED = {"upsert": False, "delete": True, "r": False, "c": False, "u": False, "d": True}


def with_deletes_marked(changes: DataFrame) -> DataFrame:
    """The changes with `is_deleted` in place of `operation`; null where that is no known one."""
    is_deleted = F.lit(None).cast("boolean")
    for operation, is_delete in IS_DELETED.items():
        is_deleted = F.when(F.col("operation") == operation, is_delete).otherwise(is_deleted)
    return changes.withColumn("is_deleted", is_deleted).drop("operation")


def with_commits(changes: DataFrame) -> DataFrame:
    """The captured changes with the instant of their commit in place of its number."""
    committed_at = F.timestamp_micros("committed_at_us")
    return changes.withColumn("committed_at", committed_at).drop(
        "committed_at_us", "transaction_id"
    )
