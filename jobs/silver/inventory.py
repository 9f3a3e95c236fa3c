"""How products are stocked now."""

from pyspark.sql import DataFrame

from jobs.changes import with_deletes_marked


def transform(shop_inventory: DataFrame) -> DataFrame:
    """Each change of a rule of stock; which one is kept is the load's business."""
    return with_deletes_marked(shop_inventory)
