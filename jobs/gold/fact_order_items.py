"""Order lines in the base currency, with the versions of customer and product they belong to."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.currency import with_eur_cents

UNKNOWN_KEY = -1


def transform(
    order_items: DataFrame, fx_rates: DataFrame, dim_customer: DataFrame, dim_product: DataFrame
) -> DataFrame:
    """Each order line with its revenue in EUR cents; null where no rate holds.

    The keys are those of the versions that held when the order was placed, -1 where none did.
    """
    lines = with_eur_cents(order_items, fx_rates, "order_date", "amount_cents", "revenue_eur_cents")
    with_customer = _with_key(lines.drop("unit_price_cents"), dim_customer, "customer")
    return _with_key(with_customer, dim_product, "product")


def _with_key(lines: DataFrame, dimension: DataFrame, name: str) -> DataFrame:
    """The lines with the key of the version that holds in [effective_from, effective_to)."""
    versions = dimension.select(
        F.col(f"{name}_id").alias("version_of"), f"{name}_key", "effective_from", "effective_to"
    )
    is_same = F.col(f"{name}_id") == F.col("version_of")
    has_begun = F.col("ordered_at") >= F.col("effective_from")
    holds_on = F.col("effective_to").isNull() | (F.col("ordered_at") < F.col("effective_to"))
    keyed = lines.join(F.broadcast(versions), on=is_same & has_begun & holds_on, how="left")
    key = F.coalesce(f"{name}_key", F.lit(UNKNOWN_KEY))
    return keyed.withColumn(f"{name}_key", key).drop("version_of", "effective_from", "effective_to")
