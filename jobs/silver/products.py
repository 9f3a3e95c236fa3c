"""Products with all their versions."""

from pyspark.sql import DataFrame

from jobs.changes import with_deletes_marked


def transform(shop_products: DataFrame) -> DataFrame:
    """Each change as a version of its product; when it held is the load's business."""
    return with_deletes_marked(shop_products)
