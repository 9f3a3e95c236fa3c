"""How a table loads: one module per word of the specs' `load`."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.commits import RunRecord
from jobs.fates import ACCEPTED, ROW_HASH
from jobs.kept import Keep
from jobs.loads import history, insert, upsert
from jobs.spec import Spec

PUBLISH = {"insert": insert.publish, "upsert": upsert.publish, "history": history.publish}


def table_columns(spec: Spec) -> dict[str, str]:
    """Spark types of the table's columns; loads that compare rows keep each row's hash."""
    return {**spec.types, ROW_HASH: "bigint"} if spec.load in PUBLISH else spec.types


def stage(rows: DataFrame, spec: Spec, target: DataFrame | None, keep: Keep) -> DataFrame:
    """The judged rows, each with its one `_fate`; `target` is the table now, None without rows.

    What a run reads more than once is kept.
    """
    if spec.load == "insert":
        return insert.stage(keep(rows), spec, target, keep)
    if spec.load == "upsert":
        return keep(upsert.stage(rows, spec, target))
    if spec.load == "history":
        return keep(history.stage(rows, spec, target))
    return keep(rows).withColumn("_fate", F.lit(ACCEPTED))


def publish(accepted: DataFrame, spec: Spec, path: str, record: RunRecord) -> None:
    """Nothing; the table holds the accepted rows as its load wants them, with the run's record."""
    PUBLISH[spec.load](accepted, spec, path, record)
