"""Exchange rates to the base currency."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(fx_rates: DataFrame) -> DataFrame:
    """Each rate with the time its file was delivered, so that a later file corrects an earlier."""
    return fx_rates.withColumn("delivered_at", F.col("_row.ingested_at"))
