"""Sales and refunds by day and product."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(fact_order_items: DataFrame, fact_refunds: DataFrame) -> DataFrame:
    """What each product sold on each day, and what of that was paid back later."""
    group = ["order_date", "product_id"]
    sold = fact_order_items.groupBy(*group).agg(
        F.count_distinct("order_id").alias("orders_count"),
        F.sum("quantity").alias("units_count"),
        F.sum("revenue_eur_cents").alias("revenue_eur_cents"),
    )
    refunded = fact_refunds.groupBy(*group).agg(
        F.sum("quantity").alias("refunded_units_count"),
        F.sum("amount_eur_cents").alias("refunded_eur_cents"),
    )
    measures = ["refunded_units_count", "refunded_eur_cents"]
    return sold.join(refunded, on=group, how="left").fillna(0, subset=measures)
