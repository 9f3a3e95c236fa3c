"""Amounts in the base currency."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

BASE = "EUR"
# Banks publish no rates at weekends and on holidays; the last one holds, but not for ever.
HELD_DAYS = 7


def with_eur_cents(
    rows: DataFrame, fx_rates: DataFrame, day: str, cents: str, eur_cents: str
) -> DataFrame:
    """The rows with `cents` of their `currency` in EUR, and `rate_date`: the day of the rate taken.

    That is the last rate up to their `day`, at most HELD_DAYS old. Exact to the cent, halves
    rounded up; both are null where there is none. The base currency needs none: its amount is as
    it was, and `rate_date` null.
    """
    days = F.sequence("rate_date", F.date_add("rate_date", HELD_DAYS))
    held = fx_rates.select("currency", "rate_to_eur", "rate_date", F.explode(days).alias(day))
    rates = held.groupBy(day, "currency").agg(
        F.max_by("rate_to_eur", "rate_date").alias("rate_to_eur"),
        F.max("rate_date").alias("rate_date"),
    )
    priced = rows.join(F.broadcast(rates), on=[day, "currency"], how="left")
    is_base = F.col("currency") == BASE
    exact = F.col(cents).cast("decimal(19,0)") * F.col("rate_to_eur")
    converted = F.round(exact, 0).cast("bigint")
    return priced.withColumns(
        {
            eur_cents: F.when(is_base, F.col(cents).cast("bigint")).otherwise(converted),
            "rate_date": F.when(~is_base, F.col("rate_date")),
        }
    ).drop("rate_to_eur")
