"""What the shop sells now, and at which price."""

from pyspark.sql import DataFrame


def transform(products_replica: DataFrame) -> DataFrame:
    """The version of each product that holds; a deleted product has none."""
    columns = ["product_id", "name", "category", "list_price_cents", "currency", "committed_at"]
    return products_replica.where("is_current").select(*columns)
