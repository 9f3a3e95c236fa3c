"""The lines of the accepted orders."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(orders: DataFrame) -> DataFrame:
    """One row per order line with its amount in the order's currency."""
    lines = orders.select(
        "order_id", "customer_id", "ordered_at", "order_date", "currency", F.inline("items")
    )
    return lines.withColumn("amount_cents", F.col("quantity") * F.col("unit_price_cents"))
