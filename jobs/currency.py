"""Amounts in the base currency."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def with_eur_cents(
    rows: DataFrame, fx_rates: DataFrame, day: str, cents: str, eur_cents: str
) -> DataFrame:
    """The rows with one column more: `cents` of their `currency` at the rate of their `day`.

    Exact to the cent, halves rounded up; null where the day has no rate for the currency.
    """
    rates = fx_rates.select(F.col("rate_date").alias(day), "currency", "rate_to_eur")
    priced = rows.join(F.broadcast(rates), on=[day, "currency"], how="left")
    exact = F.col(cents).cast("decimal(19,0)") * F.col("rate_to_eur")
    return priced.withColumn(eur_cents, F.round(exact, 0).cast("bigint")).drop("rate_to_eur")
