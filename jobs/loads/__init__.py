"""How a table loads: one module per word of the specs' `load`."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.fates import ACCEPTED
from jobs.kept import Keep
from jobs.loads import insert, upsert
from jobs.spec import Spec


def stage(rows: DataFrame, spec: Spec, target: DataFrame | None, keep: Keep) -> DataFrame:
    """The judged rows, each with its one `_fate`; `target` is the table now, None without rows."""
    if spec.load == "insert":
        return insert.stage(rows, spec, target, keep)
    if spec.load == "upsert":
        return upsert.stage(rows, spec, target)
    return rows.withColumn("_fate", F.lit(ACCEPTED))
