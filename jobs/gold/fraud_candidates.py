"""Customers who order suspiciously often in a short time."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

WINDOW_MICROS = 10 * 60 * 1_000_000
LEAST_ORDERS = 3


def transform(fact_order_items: DataFrame) -> DataFrame:
    """Customers and days with three orders or more within some ten minutes of that day."""
    who_when = ["customer_id", "order_date"]
    orders = fact_order_items.groupBy("order_id", *who_when, "ordered_at").agg(
        F.sum("revenue_eur_cents").alias("revenue_eur_cents")
    )
    ten_minutes = (
        Window.partitionBy(*who_when)
        .orderBy(F.unix_micros("ordered_at"))
        .rangeBetween(Window.currentRow, WINDOW_MICROS - 1)
    )
    watched = orders.withColumn("orders_ahead_count", F.count("*").over(ten_minutes))
    return (
        watched.groupBy(*who_when)
        .agg(
            F.count("*").alias("orders_count"),
            F.max("orders_ahead_count").alias("most_orders_in_10_minutes"),
            F.sum("revenue_eur_cents").alias("revenue_eur_cents"),
        )
        .where(F.col("most_orders_in_10_minutes") >= LEAST_ORDERS)
    )
