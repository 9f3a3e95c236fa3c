"""How many customers come back, month after month."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def transform(fact_order_items: DataFrame) -> DataFrame:
    """Of the customers whose first order fell into a month, how many ordered in a later month."""
    month = F.to_date(F.trunc("order_date", "month")).alias("month")
    months = fact_order_items.select("customer_id", month).distinct()
    of_customer = Window.partitionBy("customer_id")
    followed = months.withColumn("cohort_month", F.min("month").over(of_customer))
    months_since = F.months_between("month", "cohort_month").cast("int").alias("months_since")
    active = followed.groupBy("cohort_month", months_since).agg(
        F.count("*").alias("active_customers_count")
    )
    # In the month of the first order every customer of the cohort was active.
    is_first = F.col("months_since") == 0
    size = F.max(F.when(is_first, F.col("active_customers_count")))
    of_cohort = Window.partitionBy("cohort_month")
    return active.withColumn("customers_count", size.over(of_cohort))
