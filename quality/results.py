"""What the rules measured, by table and day: a Delta table beside the others."""

from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs import commits, delta
from jobs.settings import Settings

RESULTS = "quality.results"
# The share of good that a day of a table is held to.
TARGET = 0.99
# What a result speaks of: one row rule or all of a dimension on the day, a whole table, or more.
ROW_RULE, DAY_ROWS, DATASET, WATCH = "row rule", "rows of the day", "dataset rule", "watch rule"
COLUMNS = {
    "table_name": "string",
    "day": "date",
    "kind": "string",
    "rule": "string",
    "dimension": "string",
    "severity": "string",
    "measured": "double",
    "minimum": "double",
    "maximum": "double",
    "good_share": "double",
    "rows_count": "bigint",
}


@dataclass(frozen=True)
class Result:
    """One rule's number on one day. `good_share` is from 0 to 1; null `measured` judges nothing."""

    table_name: str
    day: date
    kind: str
    rule: str
    dimension: str
    severity: str
    measured: float | None
    minimum: float | None
    maximum: float | None
    good_share: float
    rows_count: int | None = None

    @property
    def passed(self) -> bool:
        """Whether the number lies within its bounds."""
        return within(self.measured, self.minimum, self.maximum)

    @property
    def text(self) -> str:
        """The result as a sentence for people."""
        low = "any" if self.minimum is None else f"{self.minimum:g}"
        high = "any" if self.maximum is None else f"{self.maximum:g}"
        return (
            f"{self.table_name}: rule {self.rule} wants a value between {low} and {high}, "
            f"measured {self.measured}"
        )


def within(measured: float | None, minimum: float | None, maximum: float | None) -> bool:
    """Whether a number lies within bounds, ends included; None has nothing to be judged."""
    if measured is None:
        return True
    return (minimum is None or measured >= minimum) and (maximum is None or measured <= maximum)


@dataclass(frozen=True)
class Judged:
    """One table looked at on one day: what its rules measured, and the rows of all its days."""

    table_name: str
    day: date
    results: tuple[Result, ...]

    @property
    def replaced(self) -> str:
        """The SQL condition that holds for exactly the stored results that these replace."""
        return (
            f"(table_name = '{self.table_name}' AND "
            f"(kind = '{DAY_ROWS}' OR day = DATE'{self.day.isoformat()}'))"
        )


def write(session: SparkSession, settings: Settings, looks: Collection[Judged]) -> None:
    """Nothing; the results are stored, in place of older ones of the same tables and days."""
    path = settings.table_path(RESULTS)
    delta.create(session, path, COLUMNS, ("table_name",))
    results = [astuple(result) for look in looks for result in look.results]
    rows = session.createDataFrame(results, columns_of(COLUMNS))
    condition = " OR ".join(look.replaced for look in looks)
    replacing = rows.write.format("delta").mode("overwrite").option("replaceWhere", condition)
    replacing.save(path)


def read(session: SparkSession, settings: Settings, tables: Iterable[str]) -> list[Result]:
    """Every stored result of the tables, by table and day; none before the first pass."""
    path = settings.table_path(RESULTS)
    if not commits.exists(settings, path):
        return []
    stored = session.read.format("delta").load(path).where(F.col("table_name").isin(list(tables)))
    names = [item.name for item in fields(Result)]
    rows = stored.select(*names).orderBy("table_name", "day", "kind", "rule").collect()
    return [Result(**row.asDict()) for row in rows]


def columns_of(types: dict[str, str]) -> str:
    """Column names and Spark types as the schema of a frame."""
    return ", ".join(f"`{name}` {type_}" for name, type_ in types.items())
