"""The catalogue as the shop's database has it, with every version that was committed."""

from pyspark.sql import DataFrame

from jobs.changes import captured


def transform(product_changes: DataFrame) -> DataFrame:
    """Each change as the version it made; when it held is the load's business."""
    return captured(product_changes)
