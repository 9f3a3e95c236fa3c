"""Refunds in the base currency, booked on the day of the order they belong to."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(
    refunds: DataFrame, fact_order_items: DataFrame, dim_product: DataFrame, fx_rates: DataFrame
) -> DataFrame:
    """Each refund whose order line is known, in EUR cents at the rate of the order's day.

    Who ordered and what are those of the order line; null cents where the day has no rate.
    """
    line = ["order_id", "line_number"]
    paid_back = refunds.select(*line, "refund_id", "quantity", "amount_cents", "currency")
    lines = fact_order_items.select(
        *line, "order_date", "product_id", "product_key", "customer_id"
    ).join(paid_back, on=line, how="inner")
    categories = dim_product.select("product_key", "category")
    rates = fx_rates.select(F.col("rate_date").alias("order_date"), "currency", "rate_to_eur")
    priced = lines.join(F.broadcast(categories), on="product_key", how="left").join(
        F.broadcast(rates), on=["order_date", "currency"], how="left"
    )
    exact = F.col("amount_cents").cast("decimal(19,0)") * F.col("rate_to_eur")
    return priced.withColumn("amount_eur_cents", F.round(exact, 0).cast("bigint")).drop(
        "product_key", "amount_cents", "currency", "rate_to_eur"
    )
