"""Refunds as reported."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(refunds: DataFrame) -> DataFrame:
    """Each refund with the UTC day it was made on."""
    return refunds.withColumn("refund_date", F.to_date("refunded_at"))
