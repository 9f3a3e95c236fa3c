"""Addresses as they are now."""

from pyspark.sql import DataFrame

from jobs.changes import with_deletes_marked


def transform(shop_addresses: DataFrame) -> DataFrame:
    """Each change of an address; which one is kept is the load's business."""
    return with_deletes_marked(shop_addresses)
