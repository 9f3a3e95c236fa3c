"""Load `upsert`: entities of type 1. The newest version of a key is kept in any order of arrival.

A version that is older than the kept one, or equal to it, changes nothing and counts as duplicate.
"""

from pyspark.sql import DataFrame

from jobs import delta
from jobs.commits import RunRecord
from jobs.fates import ROW_HASH
from jobs.loads import newest
from jobs.spec import Spec


def stage(rows: DataFrame, spec: Spec, target: DataFrame | None) -> DataFrame:
    """The judged rows with their `_fate`; `target` is the table now, None before it has rows."""
    return newest.stage(rows, spec.keys, spec.order, target)


def publish(accepted: DataFrame, spec: Spec, path: str, record: RunRecord) -> None:
    """Nothing; the table holds the accepted version of each of their keys."""
    delta.merge(accepted.select(*spec.columns, ROW_HASH), path, spec.keys, record)
