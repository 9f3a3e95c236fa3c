"""The calendar."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

SATURDAY = 6


def transform(orders: DataFrame) -> DataFrame:
    """Every day from the first order to the last."""
    ends = orders.agg(F.min("order_date").alias("first"), F.max("order_date").alias("last"))
    days = ends.where("first IS NOT NULL").select(
        F.explode(F.sequence("first", "last", F.expr("INTERVAL 1 DAY"))).alias("date")
    )
    day_of_week = F.weekday("date") + 1
    return days.select(
        "date",
        F.year("date").alias("year"),
        F.quarter("date").alias("quarter"),
        F.month("date").alias("month"),
        F.weekofyear("date").alias("iso_week"),
        day_of_week.alias("day_of_week"),
        (day_of_week >= SATURDAY).alias("is_weekend"),
    )
