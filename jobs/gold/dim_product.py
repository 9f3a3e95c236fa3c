"""Products to group by."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

UNKNOWN = "unknown"


def transform(products: DataFrame) -> DataFrame:
    """The catalogue and a row that stands for every product missing from it."""
    columns = ["product_id", "name", "category", "list_price_cents"]
    first = products.select(F.lit(UNKNOWN).alias("product_id")).limit(1)
    unknown = first.select(
        "product_id",
        F.lit(UNKNOWN).alias("name"),
        F.lit(UNKNOWN).alias("category"),
        F.lit(None).cast("bigint").alias("list_price_cents"),
    )
    return products.select(*columns).unionByName(unknown)
