"""Visits to the shop, put together from their clicks."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def transform(clicks: DataFrame) -> DataFrame:
    """Each visit of each UTC day with what was done in it, and the campaign that came last.

    Clicks of one instant are ordered by click_id; the customer is that of the first click.
    """
    moment = F.struct("clicked_at", "click_id")
    has_campaign = F.col("campaign_id").isNotNull()
    return clicks.groupBy("session_id", F.col("click_date").alias("session_date")).agg(
        F.min_by("customer_id", moment).alias("customer_id"),
        F.min("clicked_at").alias("started_at"),
        F.max("clicked_at").alias("ended_at"),
        F.count_if(F.col("event") == "view").alias("views_count"),
        _has("view").alias("has_view"),
        _has("add_to_cart").alias("has_add_to_cart"),
        _has("checkout").alias("has_checkout"),
        F.max_by("campaign_id", F.when(has_campaign, moment)).alias("campaign_id"),
    )


def _has(event: str) -> Column:
    return F.bool_or(F.col("event") == event)
