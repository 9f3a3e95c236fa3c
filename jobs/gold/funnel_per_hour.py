"""The way to an order, hour by hour."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

STEPS = {"viewed": "view", "added_to_cart": "add_to_cart", "checkout": "checkout"}


def transform(clicks: DataFrame) -> DataFrame:
    """Visits of each hour, and how many of them took each step in it."""
    visits = clicks.groupBy(
        F.date_trunc("hour", "clicked_at").alias("clicked_hour"), "click_date", "session_id"
    ).agg(*[F.max(F.col("event") == event).alias(step) for step, event in STEPS.items()])
    return visits.groupBy("clicked_hour", "click_date").agg(
        F.count("*").alias("sessions_count"),
        *[F.count_if(step).alias(f"{step}_count") for step in STEPS],
    )
