"""Rules that one batch cannot judge: they need other tables, the runs before, or the days before.

Each is one number and its bounds, as in `quality/rules.py`; `python -m quality` measures them.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from statistics import median
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.commits import RunRecord
from jobs.errors import SpecError
from jobs.spec import Rule
from quality.rules import Bounds

MIN_RUNS = 3
MIN_ROWS = 200
MINUTES = {"minute": 1, "hour": 60, "day": 1440}
NUMERIC = ("int", "bigint", "double", "float", "decimal")


def bounds(rule: Rule) -> Bounds:
    """The least and the greatest value a watch rule's number may have; None = any."""
    return BOUNDS[rule.rule](rule.args)


def minutes(text: str) -> float:
    """The minutes of `10 minutes`, `2 hours` or `1 day`.

    Raises: SpecError for another wording.
    """
    found = re.fullmatch(r"(\d+) (minute|hour|day)s?", text)
    if not found:
        raise SpecError(
            f"{text!r} is no length of time; write like `10 minutes`, `2 hours`, `1 day`"
        )
    return float(int(found[1]) * MINUTES[found[2]])


BOUNDS: dict[str, Callable[[Mapping[str, Any]], Bounds]] = {
    "references": lambda args: (args["min"], 1.0),
    "reconciles": lambda args: (0.0, 0.0),
    "volume": lambda args: (args["min_factor"], args["max_factor"]),
    "drift": lambda args: (None, args["max"]),
    "fresh": lambda args: (None, minutes(args["within"])),
}


def with_references(rows: DataFrame, others: Iterable[tuple[Rule, DataFrame]]) -> DataFrame:
    """The rows, unchanged in number, with `_key_<n>` filled where the n-th reference is found."""
    for number, (rule, other) in enumerate(others):
        key = F.col(rule.args["references"]["column"]).alias(f"_key_{number}")
        keys = other.select(key).where(key.isNotNull()).distinct()
        rows = rows.join(keys, on=F.col(rule.column) == F.col(f"_key_{number}"), how="left")
    return rows


def found_share(rule: Rule, number: int) -> Column:
    """The share of the rows with a reference whose reference is found; 1 if none has one."""
    has_reference = F.count_if(F.col(rule.column).isNotNull())
    return F.coalesce(F.try_divide(F.count(f"_key_{number}"), has_reference), F.lit(1.0))


def volume_factor(records: Iterable[RunRecord], runs: int) -> tuple[float | None, int | None]:
    """Rows of the newest run that had any over the median of up to `runs` before it, and the rows.

    Records come newest first. None where fewer than three runs came before: no history, no verdict.
    """
    totals = [sum(record.counts.values()) for record in records]
    sizes = [total for total in totals if total > 0][: runs + 1]
    if len(sizes) <= MIN_RUNS:
        return None, sizes[0] if sizes else None
    return sizes[0] / median(sizes[1:]), sizes[0]


def bucket(column: str, type_: str) -> Column:
    """What two days are compared by: the value itself, of a number its order of magnitude."""
    if not type_.startswith(NUMERIC):
        return F.coalesce(F.col(column).cast("string"), F.lit("null"))
    magnitude = F.signum(column) * F.floor(F.log2(F.abs(F.col(column)) + 1))
    return F.coalesce(magnitude.cast("int").cast("string"), F.lit("null"))


def drift(counts: Mapping[tuple[date, str], int]) -> float | None:
    """The PSI of the newest day against all days before, from rows by (day, bucket).

    Below 0.1 is called stable, above 0.25 shifted. None where a side has fewer than 200 rows.
    """
    if not counts:
        return None
    newest = max(day for day, _ in counts)
    now, before = Counter[str](), Counter[str]()
    for (day, value), count in counts.items():
        (now if day == newest else before)[value] += count
    if min(now.total(), before.total()) < MIN_ROWS:
        return None
    return psi(before, now)


def psi(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """The population stability index of two distributions; a bucket nobody is in counts as half
    a row, so that a new value weighs much and not infinitely."""
    totals = sum(before.values()), sum(now.values())
    index = 0.0
    for value in before.keys() | now.keys():
        expected = max(before.get(value, 0), 0.5) / totals[0]
        found = max(now.get(value, 0), 0.5) / totals[1]
        index += (found - expected) * math.log(found / expected)
    return index


def age_minutes(newest: datetime | None, at: datetime) -> float:
    """Minutes from the newest record to the moment; infinite where there is none."""
    return math.inf if newest is None else (at - newest).total_seconds() / 60
