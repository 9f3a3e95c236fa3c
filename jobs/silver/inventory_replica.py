"""How the shop stocks each product as its database has it, with all its versions."""

from pyspark.sql import DataFrame

from jobs.changes import captured


def transform(inventory_changes: DataFrame) -> DataFrame:
    """Each change as the version it made; when it held is the load's business."""
    return captured(inventory_changes)
