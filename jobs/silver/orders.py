"""Orders as placed."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(orders: DataFrame) -> DataFrame:
    """Each order with the UTC day it was placed on."""
    return orders.withColumn("order_date", F.to_date("ordered_at"))
