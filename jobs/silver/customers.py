"""Customers with all their versions."""

from pyspark.sql import DataFrame

from jobs.changes import with_deletes_marked


def transform(shop_customers: DataFrame) -> DataFrame:
    """Each change as a version of its customer; when it held is the load's business."""
    return with_deletes_marked(shop_customers)
