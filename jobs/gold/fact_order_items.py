"""Order lines in the base currency."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(order_items: DataFrame, fx_rates: DataFrame) -> DataFrame:
    """Each order line with its revenue in EUR cents; null where the day has no rate."""
    rates = fx_rates.select(F.col("rate_date").alias("order_date"), "currency", "rate_to_eur")
    priced = order_items.join(F.broadcast(rates), on=["order_date", "currency"], how="left")
    exact = F.col("amount_cents").cast("decimal(19,0)") * F.col("rate_to_eur")
    return priced.withColumn("revenue_eur_cents", F.round(exact, 0).cast("bigint")).drop(
        "unit_price_cents", "rate_to_eur"
    )
