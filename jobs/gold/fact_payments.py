"""Payments in the base currency."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(payments: DataFrame, fx_rates: DataFrame) -> DataFrame:
    """Each payment with its amount in EUR cents; null where the day has no rate."""
    rates = fx_rates.select(F.col("rate_date").alias("paid_date"), "currency", "rate_to_eur")
    priced = payments.join(F.broadcast(rates), on=["paid_date", "currency"], how="left")
    exact = F.col("amount_cents").cast("decimal(19,0)") * F.col("rate_to_eur")
    return priced.withColumn("amount_eur_cents", F.round(exact, 0).cast("bigint")).drop(
        "paid_at", "rate_to_eur"
    )
