"""Payments as reported."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(payments: DataFrame) -> DataFrame:
    """Each payment with the UTC day it was made on."""
    return payments.withColumn("paid_date", F.to_date("paid_at"))
