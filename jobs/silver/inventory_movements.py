"""Movements of stock as booked."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.changes import refused


def transform(shop_inventory_movements: DataFrame) -> DataFrame:
    """Each movement with the UTC day it was booked on; movements are only ever added."""
    operation = F.col("operation")
    reason = F.when(operation == "delete", "movement_deleted").otherwise("unknown_operation")
    added = refused(shop_inventory_movements, ~operation.eqNullSafe("upsert"), reason)
    columns = added.drop("operation", "updated_at", "position")
    return columns.withColumn("movement_date", F.to_date("moved_at"))
