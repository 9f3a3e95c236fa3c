"""Quality rules by name: what a good row is, and what a good batch is.

A row rule is a condition every good row meets; a dataset rule is one number measured over the
accepted rows and the expectation that judges it. Adding a kind of rule is adding an entry here.
Rules that need other tables or the past are measured in `quality/watch.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.errors import SpecError
from jobs.spec import Rule

DIMENSIONS = ("completeness", "uniqueness", "validity", "consistency", "freshness", "volume")

ROW_RULES: dict[str, Callable[[Rule], Column]] = {
    "not_null": lambda rule: F.col(rule.column).isNotNull(),
    "in_set": lambda rule: F.col(rule.column).isin(list(rule.args["values"])),
    "between": lambda rule: F.col(rule.column).between(rule.args["min"], rule.args["max"]),
    "matches": lambda rule: F.col(rule.column).rlike(rule.args["pattern"]),
    "not_future": lambda rule: (
        F.col(rule.column)
        <= F.col("_row.ingested_at") + F.expr(f"INTERVAL {rule.args['tolerance']}")
    ),
    "expression": lambda rule: F.expr(rule.args["sql"]),
}


Bounds = tuple[float | None, float | None]
# Which rows a metric is of: its values, null where the row does not count.
Of = Callable[[Column], Column]


@dataclass(frozen=True)
class DatasetRule:
    """One number over the accepted rows, and the bounds it must lie in."""

    metric: Callable[[Rule, Of], Column]
    bounds: Callable[[Rule], Bounds]
    is_distinct: bool = False


def _given(rule: Rule) -> Bounds:
    return rule.args.get("min"), rule.args.get("max")


def _present_share(rule: Rule, of: Of) -> Column:
    """Of no rows, none lacks a value."""
    return F.coalesce(F.avg(of(F.col(rule.column).isNotNull().cast("double"))), F.lit(1.0))


DATASET_RULES: dict[str, DatasetRule] = {
    "row_count": DatasetRule(lambda _, of: F.count(of(F.lit(1))), _given),
    "complete": DatasetRule(
        lambda rule, of: F.count_if(of(F.col(rule.column).isNull())), lambda rule: (0, 0)
    ),
    "complete_share": DatasetRule(_present_share, lambda rule: (rule.args["min"], 1)),
    "unique": DatasetRule(
        lambda rule, of: (
            F.count(of(F.lit(1))) - F.count_distinct(of(F.xxhash64(*rule.args["columns"])))
        ),
        lambda rule: (0, 0),
        is_distinct=True,
    ),
    "sum_between": DatasetRule(lambda rule, of: F.sum(of(F.col(rule.column))), _given),
    "min_between": DatasetRule(lambda rule, of: F.min(of(F.col(rule.column))), _given),
    "max_between": DatasetRule(lambda rule, of: F.max(of(F.col(rule.column))), _given),
}
# Rules whose number is itself the share of what is good; others are kept or broken.
SHARES = ("references",)
# The dimension a kind of rule speaks of, where it is not validity; a rule may say `dimension:`.
KIND_DIMENSIONS = {
    "not_null": "completeness",
    "complete": "completeness",
    "complete_share": "completeness",
    "unique": "uniqueness",
    "references": "consistency",
    "reconciles": "consistency",
    "drift": "consistency",
    "fresh": "freshness",
    "volume": "volume",
    "row_count": "volume",
}


def dimension(rule: Rule) -> str:
    """Which of the dimensions of quality a rule speaks of."""
    return str(rule.args.get("dimension") or KIND_DIMENSIONS.get(rule.rule, "validity"))


def failed_reasons(rules: tuple[Rule, ...]) -> Column:
    """The names of the row rules a row breaks, in the order of the spec.

    Whether a column may be null is for `not_null` alone: other rules pass a row without a value.
    """
    broken = [F.when(_is_broken(rule), F.lit(rule.name)) for rule in rules]
    if not broken:
        return F.array().cast("array<string>")
    return F.filter(F.array(*broken), lambda reason: reason.isNotNull())


def _is_broken(rule: Rule) -> Column:
    is_bad = ~F.coalesce(_row_rule(rule), F.lit(False))
    return is_bad if rule.rule == "not_null" else is_bad & F.col(rule.column).isNotNull()


def _row_rule(rule: Rule) -> Column:
    if rule.rule not in ROW_RULES:
        raise SpecError(f"no row rule {rule.rule!r}; there are {', '.join(ROW_RULES)}")
    return ROW_RULES[rule.rule](rule)


def all_rows(value: Column) -> Column:
    """Every row counts."""
    return value


def metrics(rules: tuple[Rule, ...], of: Of = all_rows) -> dict[str, Column]:
    """One aggregate per dataset rule, by its name `metric_<position>`."""
    return {f"metric_{i}": _dataset_rule(r).metric(r, of) for i, r in enumerate(rules)}


def distinct_metrics(rules: tuple[Rule, ...]) -> list[str]:
    """Names of those metrics that look at distinct values."""
    return [f"metric_{i}" for i, r in enumerate(rules) if _dataset_rule(r).is_distinct]


def expectation(rule: Rule, column: str) -> dict[str, Any]:
    """The Great Expectations expectation that judges the rule's metric."""
    minimum, maximum = bounds(rule)
    return {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": column, "min_value": minimum, "max_value": maximum},
        "severity": rule.severity,
        "meta": {"rule": rule.name},
    }


def bounds(rule: Rule) -> Bounds:
    """The least and the greatest value that a dataset rule's metric may have; None = any."""
    return _dataset_rule(rule).bounds(rule)


def _dataset_rule(rule: Rule) -> DatasetRule:
    if rule.rule not in DATASET_RULES:
        raise SpecError(f"no dataset rule {rule.rule!r}; there are {', '.join(DATASET_RULES)}")
    return DATASET_RULES[rule.rule]
