"""Refunds in the base currency, booked on the day of the order they belong to."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.currency import with_eur_cents

LINE = ["order_id", "line_number"]


def transform(
    refunds: DataFrame, fact_order_items: DataFrame, dim_product: DataFrame, fx_rates: DataFrame
) -> DataFrame:
    """Each refund whose order line is known, in EUR cents at the rate of the order's day.

    Who ordered and what are those of the order line; null cents where no rate holds on that day.
    `_error` says which refund cannot be one of its line: it is in another currency, of another
    customer, or of more pieces or money than the refunds before it left.
    """
    paid_back = refunds.select(
        *LINE,
        *("refund_id", "refunded_at", "quantity", "amount_cents"),
        F.col("customer_id").alias("paid_to"),
        F.col("currency").alias("paid_in"),
    )
    lines = fact_order_items.select(
        *LINE,
        *("order_date", "product_id", "product_key", "customer_id", "currency"),
        F.col("quantity").alias("line_quantity"),
        F.col("amount_cents").alias("line_cents"),
    ).join(paid_back, on=LINE, how="inner")
    categories = dim_product.select("product_key", "category")
    named = lines.join(F.broadcast(categories), on="product_key", how="left")
    judged = named.withColumn("_error", _error())
    priced = with_eur_cents(judged, fx_rates, "order_date", "amount_cents", "amount_eur_cents")
    return priced.select(
        *("refund_id", *LINE, "order_date", "product_id", "category", "customer_id", "quantity"),
        *("amount_eur_cents", "rate_date", "_error"),
    )


def _error() -> Column:
    is_other_currency = F.col("paid_in") != F.col("currency")
    is_other_customer = F.col("paid_to") != F.col("customer_id")
    amount = F.struct("quantity", "amount_cents")
    of_line = F.when(~is_other_currency & ~is_other_customer, amount)
    in_time = Window.partitionBy(*LINE).orderBy("refunded_at", "refund_id")
    so_far = F.collect_list(of_line).over(in_time)
    line = F.struct(F.col("line_quantity").alias("quantity"), F.col("line_cents").alias("cents"))
    left = F.aggregate(F.slice(so_far, 1, F.size(so_far) - 1), line, _after)
    return (
        F.when(is_other_currency, "other_currency_than_order")
        .when(is_other_customer, "other_customer_than_order")
        .when(~_fits(left, amount), "more_than_was_bought")
    )


def _fits(left: Column, amount: Column) -> Column:
    return (amount["quantity"] <= left["quantity"]) & (amount["amount_cents"] <= left["cents"])


def _after(left: Column, amount: Column) -> Column:
    """What is left of a line after a refund; one that is more than was left takes nothing."""
    quantity, cents = left["quantity"] - amount["quantity"], left["cents"] - amount["amount_cents"]
    less = F.struct(quantity.alias("quantity"), cents.alias("cents"))
    return F.when(_fits(left, amount), less).otherwise(left)
