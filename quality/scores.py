"""One score per table and day: how good the data was, by dimension and in total.

A dimension is as good as the worst of what was measured of it: the share of the day's records
that broke none of its rules, and each rule over the table. The total is the mean of the
dimensions that were measured. Source: docs/quality.md
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from pyspark.sql import SparkSession

from jobs import delta
from jobs.settings import Settings
from jobs.spec import Spec
from quality.results import ROW_RULE, TARGET, Result, columns_of
from quality.rules import DIMENSIONS

SCORES = "quality.scores"
COLUMNS = {
    "table_name": "string",
    "day": "date",
    **dict.fromkeys(DIMENSIONS, "double"),
    "total": "double",
    "meets_target": "boolean",
}
MEASURES = ("_cents", "_to_eur", "quantity", "units")


@dataclass(frozen=True)
class Score:
    """How good one table was on one day; dimensions nothing was measured of are missing."""

    table_name: str
    day: date
    dimensions: dict[str, float]

    @property
    def total(self) -> float:
        """The mean of the dimensions, from 0 to 1."""
        return sum(self.dimensions.values()) / len(self.dimensions)

    @property
    def meets_target(self) -> bool:
        """Whether the total is at least 99 %."""
        return self.total >= TARGET


def scores(results: Iterable[Result]) -> Iterator[Score]:
    """The score of each table and day that the results speak of, in order."""
    # A row rule alone says less than the records of the day, which a record breaks once.
    counted = [result for result in results if result.kind != ROW_RULE]
    counted.sort(key=lambda result: (result.table_name, result.day))
    for (table, day), own in groupby(counted, lambda result: (result.table_name, result.day)):
        worst: dict[str, float] = {}
        for result in own:
            known = worst.get(result.dimension, 1.0)
            worst[result.dimension] = min(known, max(result.good_share, 0.0))
        yield Score(table, day, worst)


def write_scores(session: SparkSession, settings: Settings, found: Collection[Score]) -> None:
    """Nothing; the stored scores of the tables are exactly these."""
    path = settings.table_path(SCORES)
    delta.create(session, path, COLUMNS, ("table_name",))
    rows = [
        (s.table_name, s.day, *(s.dimensions.get(d) for d in DIMENSIONS), s.total, s.meets_target)
        for s in found
    ]
    tables = ", ".join(f"'{name}'" for name in sorted({score.table_name for score in found}))
    frame = session.createDataFrame(rows, columns_of(COLUMNS))
    replacing = frame.write.format("delta").mode("overwrite")
    replacing.option("replaceWhere", f"table_name IN ({tables})").save(path)


def table_of(found: Iterable[Score]) -> Iterator[str]:
    """The scores as lines for people, percent with two digits, `-` where nothing was measured."""
    heads = " ".join(f"{name:>12}" for name in (*DIMENSIONS, "total"))
    yield f"{'table':<28} {'day':<10} {heads}  verdict"
    for score in found:
        numbers = [score.dimensions.get(name) for name in DIMENSIONS]
        cells = " ".join(
            f"{'-' if number is None else f'{100 * number:.2f}':>12}"
            for number in (*numbers, score.total)
        )
        verdict = "good" if score.meets_target else f"below {100 * TARGET:.0f} %"
        yield f"{score.table_name:<28} {score.day} {cells}  {verdict}"


def critical_columns(spec: Spec) -> list[str]:
    """The columns a wrong value of which does harm: keys, amounts, rates and quantities."""
    measures = [name for name in spec.columns if name.endswith(MEASURES)]
    return list(dict.fromkeys([*spec.keys, *measures]))


def uncovered(spec: Spec) -> list[str]:
    """The critical columns that no rule guards which refuses rows or stops a publish."""
    blocking = [*spec.row_rules, *(r for r in spec.dataset_rules if r.severity == "critical")]
    guarded = {rule.column for rule in blocking}
    for rule in blocking:
        guarded.update(rule.args.get("columns", ()))
    return [name for name in critical_columns(spec) if name not in guarded]
