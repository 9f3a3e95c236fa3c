"""How a table loads: one module per word of the specs' `load`."""

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.commits import RunRecord
from jobs.fates import (
    ACCEPTED,
    QUARANTINED,
    ROW_HASH,
    Tally,
    contract,
    is_good,
    judged,
    require_contract,
    tally,
)
from jobs.loads import history, insert, upsert
from jobs.spec import Spec

STAGE = {"insert": insert.stage, "upsert": upsert.stage, "history": history.stage}
PUBLISH = {"insert": insert.publish, "upsert": upsert.publish, "history": history.publish}


def table_columns(spec: Spec) -> dict[str, str]:
    """Spark types of the table's columns; loads that compare rows keep each row's hash."""
    return {**spec.types, ROW_HASH: "bigint"} if spec.load in PUBLISH else spec.types


def stage(rows: DataFrame, spec: Spec, target: DataFrame | None) -> DataFrame:
    """The judged rows, each with its one `_fate`; `target` is the table now, None without rows."""
    if spec.load in STAGE:
        return STAGE[spec.load](rows, spec, target)
    return rows.withColumn("_fate", F.when(is_good(), ACCEPTED).otherwise(QUARANTINED))


def staged_and_counted(
    rows: DataFrame, spec: Spec, target: DataFrame | None
) -> tuple[DataFrame, Tally]:
    """What a transform gave, judged and kept, each row with its fate; and what it holds.

    Raises: SpecError if the transform does not give the columns of its spec.
    """
    try:
        staged = stage(judged(contract(rows, spec), spec), spec, target)
        kept, counted = tally(staged, spec)
    except AnalysisException:
        require_contract(rows, spec)  # it says more than Spark's complaint of a missing column
        raise
    require_contract(kept, spec)
    return kept, counted


def publish(accepted: DataFrame, spec: Spec, path: str, record: RunRecord) -> None:
    """Nothing; the table holds the accepted rows as its load wants them, with the run's record."""
    PUBLISH[spec.load](accepted, spec, path, record)
