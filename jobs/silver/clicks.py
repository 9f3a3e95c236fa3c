"""Clicks as sent by the pages."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(clicks: DataFrame) -> DataFrame:
    """Each click with the UTC day it happened on."""
    return clicks.withColumn("click_date", F.to_date("clicked_at"))
