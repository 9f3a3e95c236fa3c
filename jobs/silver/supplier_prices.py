"""What suppliers ask."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(supplier_prices: DataFrame) -> DataFrame:
    """Each price with the time its list was delivered, so that a later list corrects it."""
    return supplier_prices.withColumn("delivered_at", F.col("_row.ingested_at"))
