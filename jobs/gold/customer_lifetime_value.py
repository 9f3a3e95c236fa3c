"""What each customer has brought so far."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(fact_order_items: DataFrame, fact_refunds: DataFrame) -> DataFrame:
    """First and last order, orders, revenue and refunds of each customer who ever ordered."""
    orders = fact_order_items.groupBy("customer_id", "order_id", "order_date").agg(
        F.sum("revenue_eur_cents").alias("revenue_eur_cents")
    )
    bought = orders.groupBy("customer_id").agg(
        F.min("order_date").alias("first_order_date"),
        F.max("order_date").alias("last_order_date"),
        F.count("*").alias("orders_count"),
        F.sum("revenue_eur_cents").alias("revenue_eur_cents"),
    )
    refunded = fact_refunds.groupBy("customer_id").agg(
        F.sum("amount_eur_cents").alias("refunded_eur_cents")
    )
    net_cents = F.col("revenue_eur_cents") - F.col("refunded_eur_cents")
    return (
        bought.join(refunded, on="customer_id", how="left")
        .fillna(0, subset=["refunded_eur_cents"])
        .withColumn("net_revenue_eur_cents", net_cents)
    )
