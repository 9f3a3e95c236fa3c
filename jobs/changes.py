"""Changes pulled from a database: rows as they are now, and rows that were deleted."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

IS_DELETED = {"upsert": False, "delete": True}


def with_deletes_marked(changes: DataFrame) -> DataFrame:
    """The changes with `is_deleted` in place of `operation`; null where that is no known one."""
    is_deleted = F.lit(None).cast("boolean")
    for operation, is_delete in IS_DELETED.items():
        is_deleted = F.when(F.col("operation") == operation, is_delete).otherwise(is_deleted)
    return changes.withColumn("is_deleted", is_deleted).drop("operation")
