"""Revenue by day and category."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

UNKNOWN = "unknown"


def transform(fact_order_items: DataFrame, dim_product: DataFrame) -> DataFrame:
    """Orders, lines, pieces and revenue of each category on each day."""
    categories = dim_product.select("product_key", "category")
    lines = fact_order_items.join(F.broadcast(categories), on="product_key", how="left")
    return (
        lines.withColumn("category", F.coalesce("category", F.lit(UNKNOWN)))
        .groupBy("order_date", "category")
        .agg(
            F.count_distinct("order_id").alias("orders_count"),
            F.count("*").alias("items_count"),
            F.sum("quantity").alias("units_count"),
            F.sum("revenue_eur_cents").alias("revenue_eur_cents"),
        )
    )
