"""Load `recompute`: rows that follow from others. Touched groups are computed whole and replaced.

An input of the spec's `touched_by` touches the groups of its changed rows. One of `touched_since`
holds versions with the time each was effective: it touches the days from the first one on which
the named columns are other than before. Any other input touches every group when it changes.
What is in `reaches_days` too touches so many days more after each of its groups.
Source: docs/decisions/touched-groups.md
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.checksum import checksum
from jobs.commits import RunRecord
from jobs.spec import Spec

EVERYTHING = "true"
NOTHING = "false"
NEVER = "9999-12-31 00:00:00"
CHANGE_COLUMNS = ("_change_type", "_commit_version", "_commit_timestamp")


@dataclass(frozen=True)
class Touched:
    """The groups to compute anew: their values, None for all; and all days since one."""

    column: str
    values: list[Any] | None
    since: date | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to compute."""
        return self.values == [] and self.since is None

    @property
    def condition(self) -> str:
        """The SQL condition that holds for exactly the rows of these groups."""
        return self.condition_on(self.column)

    def condition_on(self, column: str, reaches_days: int = 0) -> str:
        """The same for rows that name their group in another column.

        Rows that reach so many days on are those of the days before as well.
        """
        if self.values is None:
            return EVERYTHING
        ages = [timedelta(days=number) for number in range(reaches_days + 1)]
        values = {value - age if age else value for value in self.values for age in ages}
        parts = []
        if values:
            parts.append(f"`{column}` IN ({', '.join(_literal(v) for v in sorted(values))})")
        if self.since is not None:
            parts.append(f"`{column}` >= {_literal(self.since - ages[-1])}")
        return " OR ".join(parts) or NOTHING


def _literal(value: Any) -> str:
    if isinstance(value, date):
        return f"DATE'{value.isoformat()}'"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def touched_groups(
    spec: Spec, changes: Mapping[str, DataFrame | None], groups: Collection[Any] = ()
) -> Touched:
    """The groups that the changed rows belong to, and the given ones.

    `changes` holds the changed rows per changed input, None where the whole input is new.
    """
    everything = Touched(spec.group, None)
    if None in changes.values():
        return everything
    found = [_touched_by(spec, table, frame) for table, frame in changes.items() if frame]
    rows = reduce(DataFrame.unionByName, found).collect() if found else []
    if any(row["everything"] for row in rows):
        return everything
    since = min((row["since"] for row in rows if row["since"]), default=None)
    values = {*groups, *(row["group"] for row in rows if row["group"] is not None)}
    return Touched(spec.group, sorted(v for v in values if since is None or v < since), since)


def _touched_by(spec: Spec, table: str, changes: DataFrame) -> DataFrame:
    """What the changed rows of an input touch: rows with a group, a first day, or everything."""
    if table in spec.touched_by:
        touched = _changed_groups(changes, spec.touched_by[table])
        if days := spec.reaches_days.get(table):
            reached = F.explode(F.sequence("group", F.date_add("group", days)))
            touched = touched.withColumn("group", reached)
    elif table in spec.touched_since:
        touched = _changed_since(changes, spec.touched_since[table])
    else:
        touched = changes.limit(1).withColumns(_told(everything=F.lit(True)))
    types = {"group": spec.types.get(spec.group, "string"), "since": "date"}
    return touched.select(*(F.col(n).cast(t) for n, t in types.items()), "everything")


def _told(**known: Column) -> dict[str, Column]:
    """The columns that tell what is touched, null where not known."""
    return {name: known.get(name, F.lit(None)) for name in ("group", "since", "everything")}


def _changed_groups(changes: DataFrame, column: str) -> DataFrame:
    """The groups whose rows are not the same as before; rows written again unchanged cancel out."""
    content = F.struct("*").dropFields(*CHANGE_COLUMNS)
    hashed = changes.select(
        F.col(column).alias("group"), F.xxhash64(content).alias("hash"), _is_gone().alias("is_gone")
    )
    gone, come = F.when(F.col("is_gone"), F.col("hash")), F.when(~F.col("is_gone"), F.col("hash"))
    is_same = (F.count(gone) == F.count(come)) & (checksum(gone) == checksum(come))
    groups = hashed.groupBy("group").agg(is_same.alias("is_same")).where(~F.col("is_same"))
    return groups.withColumns(_told(group=F.col("group")))


def _changed_since(changes: DataFrame, columns: list[str]) -> DataFrame:
    """The first day on which the columns of a version hold other than before, if there is one.

    A version that came or went changes its time from effective_from on; one that only ends at
    another time, from the earlier of both ends on.
    """
    ends = F.coalesce("effective_to", F.lit(NEVER).cast("timestamp"))
    of_version = changes.groupBy(*columns, "effective_from").agg(
        F.count_if(_is_gone()).alias("gone"),
        F.count_if(~_is_gone()).alias("come"),
        F.min(ends).alias("first_end"),
        F.max(ends).alias("last_end"),
    )
    is_moved = F.col("first_end") != F.col("last_end")
    start = F.when(F.col("gone") != F.col("come"), F.col("effective_from")).when(
        is_moved, F.col("first_end")
    )
    first = of_version.agg(F.to_date(F.min(start)).alias("first"))
    return first.withColumns(_told(since=F.col("first")))


def _is_gone() -> Column:
    return F.col("_change_type") == "delete"


def publish(accepted: DataFrame, path: str, record: RunRecord, touched: Touched) -> None:
    """Nothing; the touched groups hold exactly the accepted rows."""
    delta.replace_where(accepted, path, touched.condition, record)
