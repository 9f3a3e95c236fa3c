"""Movements of stock as booked."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(shop_inventory_movements: DataFrame) -> DataFrame:
    """Each movement with the UTC day it was booked on; movements are only ever added."""
    columns = shop_inventory_movements.drop("operation", "updated_at")
    return columns.withColumn("movement_date", F.to_date("moved_at"))
