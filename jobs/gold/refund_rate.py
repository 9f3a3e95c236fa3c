"""The share of revenue that is paid back, by day and category."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

UNKNOWN = "unknown"
GROUP = ["order_date", "category"]
RATE_DIGITS = 6


def transform(
    fact_order_items: DataFrame, dim_product: DataFrame, fact_refunds: DataFrame
) -> DataFrame:
    """What each category sold on each day, and the share of it that was paid back later."""
    categories = dim_product.select("product_key", "category")
    lines = fact_order_items.join(F.broadcast(categories), on="product_key", how="left")
    category = F.coalesce("category", F.lit(UNKNOWN)).alias("category")
    sold = lines.groupBy("order_date", category).agg(
        F.sum("quantity").alias("units_count"),
        F.sum("revenue_eur_cents").alias("revenue_eur_cents"),
    )
    refunded = fact_refunds.groupBy(*GROUP).agg(
        F.sum("quantity").alias("refunded_units_count"),
        F.sum("amount_eur_cents").alias("refunded_eur_cents"),
    )
    measures = ["refunded_units_count", "refunded_eur_cents"]
    both = sold.join(refunded, on=GROUP, how="left").fillna(0, subset=measures)
    exact = F.try_divide(
        F.col("refunded_eur_cents").cast("decimal(20,0)"),
        F.col("revenue_eur_cents").cast("decimal(20,0)"),
    )
    rate = F.coalesce(F.round(exact, RATE_DIGITS), F.lit(0)).cast(f"decimal(9,{RATE_DIGITS})")
    return both.withColumn("refund_rate", rate)
