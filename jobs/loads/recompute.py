"""Load `recompute`: rows that follow from others. Touched groups are computed whole and replaced.

A change in an input that the spec does not map to a group touches every group.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.delta import RunRecord
from jobs.spec import Spec

EVERYTHING = "true"


@dataclass(frozen=True)
class Touched:
    """The groups to compute anew: their values, None for all, empty for none."""

    column: str
    values: list[Any] | None

    @property
    def condition(self) -> str:
        """The SQL condition that holds for exactly the rows of these groups."""
        if self.values is None:
            return EVERYTHING
        return f"`{self.column}` IN ({', '.join(_literal(value) for value in self.values)})"


def _literal(value: Any) -> str:
    if isinstance(value, date):
        return f"DATE'{value.isoformat()}'"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def touched_groups(spec: Spec, changes: Mapping[str, DataFrame | None]) -> Touched:
    """The groups that the changed rows belong to.

    `changes` holds the changed rows per changed input, None where the whole input is new.
    """
    values: set[Any] = set()
    for table, frame in changes.items():
        if frame is None:
            return Touched(spec.group, None)
        column = spec.touched_by.get(table)
        if column is None:
            if not frame.isEmpty():
                return Touched(spec.group, None)
            continue
        rows = frame.select(F.col(column).alias("value")).distinct().collect()
        values |= {row["value"] for row in rows}
    return Touched(spec.group, sorted(values))


def publish(accepted: DataFrame, path: str, record: RunRecord, touched: Touched) -> None:
    """Nothing; the touched groups hold exactly the accepted rows."""
    delta.replace_where(accepted, path, touched.condition, record)
