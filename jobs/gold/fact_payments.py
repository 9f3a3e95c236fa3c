"""Payments in the base currency."""

from pyspark.sql import DataFrame

from jobs.currency import with_eur_cents


def transform(payments: DataFrame, fx_rates: DataFrame) -> DataFrame:
    """Each payment with its amount in EUR cents; null where no rate holds."""
    priced = with_eur_cents(payments, fx_rates, "paid_date", "amount_cents", "amount_eur_cents")
    return priced.drop("paid_at")
