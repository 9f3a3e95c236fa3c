"""Refunds in the base currency, booked on the day of the order they belong to."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.currency import with_eur_cents


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
    named = lines.join(F.broadcast(categories), on="product_key", how="left")
    priced = with_eur_cents(named, fx_rates, "order_date", "amount_cents", "amount_eur_cents")
    return priced.drop("product_key", "amount_cents", "currency")
