"""Revenue as it comes in."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(orders: DataFrame) -> DataFrame:
    """Orders and their totals of each minute and currency."""
    return orders.groupBy(
        F.date_trunc("minute", "ordered_at").alias("ordered_minute"), "order_date", "currency"
    ).agg(F.count("*").alias("orders_count"), F.sum("total_cents").alias("revenue_cents"))
