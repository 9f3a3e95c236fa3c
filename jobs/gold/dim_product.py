"""Products to group by, as they were when something happened."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

UNKNOWN_KEY = -1
UNKNOWN = "unknown"
BEGINNING = "1970-01-01 00:00:00"


def transform(products: DataFrame) -> DataFrame:
    """Every version of every product, and one row for what is in no catalogue."""
    names = ["product_key", "product_id", "name", "category", "list_price_cents"]
    validity = ["effective_from", "effective_to", "is_current"]
    versions = products.where(~F.col("is_deleted")).select(*names, *validity)
    one_row = products.agg(F.count("*"))
    unknown = one_row.select(
        F.lit(UNKNOWN_KEY).cast("bigint").alias("product_key"),
        F.lit(UNKNOWN).alias("product_id"),
        F.lit(UNKNOWN).alias("name"),
        F.lit(UNKNOWN).alias("category"),
        F.lit(None).cast("bigint").alias("list_price_cents"),
        F.lit(BEGINNING).cast("timestamp").alias("effective_from"),
        F.lit(None).cast("timestamp").alias("effective_to"),
        F.lit(True).alias("is_current"),
    )
    return versions.unionByName(unknown)
