"""The quality pass over one table: every rule measured on the table as it is, in one scan.

The gate has judged each batch before it was published; the pass judges what stands there now,
against other tables, the runs before and the days before.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import commits, delta
from jobs.commits import RunRecord
from jobs.fates import KEY_CONFLICT
from jobs.spec import Rule, Spec
from jobs.specs import find_spec
from quality import rules, watch
from quality.actions import open_records
from quality.reach import DayRows, Reach, rows_by_day
from quality.results import DATASET, DAY_ROWS, ROW_RULE, TARGET, WATCH, Judged, Result, within

INCOMPLETE = ("null_value", "empty_value", "empty_file", "missing_column")


@dataclass(frozen=True)
class Look:
    """One table at a version, the runs that led to it, and the moment it is judged at."""

    reach: Reach
    spec: Spec
    version: int
    records: list[RunRecord]
    at: datetime

    @property
    def rows(self) -> DataFrame:
        """The table at the version."""
        path = self.reach.settings.table_path(self.spec.name)
        return delta.read(self.reach.session, path, self.version)

    def table(self, name: str) -> DataFrame:
        """Another table: as the newest run read it if it is an input, else as it is now."""
        path = self.reach.settings.table_path(find_spec(name).name)
        upto = self.records[0].inputs.get(name)
        if upto is None:
            return self.reach.session.read.format("delta").load(path)
        return delta.read(self.reach.session, path, upto)


def measure(reach: Reach, table: str, at: datetime) -> Judged | None:
    """What the rules of a table say of it at a moment; None if the table was never run.

    Raises: SpecError for an unknown table or rule.
    """
    spec = find_spec(table)
    version = commits.latest_version(reach.settings, reach.settings.table_path(table))
    records = [record for upto, record in reach.records(table) if upto <= (version or 0)]
    if version is None or not records:
        return None
    look = Look(reach, spec, version, records, at)
    days = rows_by_day(reach, spec, records[0])
    results = [*_of_rows(spec, days), *_of_days(spec, days), *_of_table(look)]
    return Judged(table, at.date(), tuple(results))


def reason_dimension(spec: Spec, reason: str) -> str:
    """The dimension that a reason of refusal speaks of: that of its rule, else of the format."""
    if reason == KEY_CONFLICT:
        return "uniqueness"
    for rule in spec.row_rules:
        if rule.name == reason:
            return rules.dimension(rule)
    return "completeness" if reason.startswith(INCOMPLETE) else "validity"


def _of_rows(spec: Spec, days: dict[date, DayRows]) -> Iterator[Result]:
    """How many of the newest day's records each row rule passed."""
    if not days:
        return
    day = max(days)
    broken = Counter[str]()
    for reasons, count in days[day].refused.items():
        broken.update(dict.fromkeys(reasons, count))
    for name in dict.fromkeys([*(rule.name for rule in spec.row_rules), *sorted(broken)]):
        share = 1 - broken[name] / days[day].landed
        about = (name, reason_dimension(spec, name), "warning")
        bounds = (share, TARGET, 1.0, share)
        yield Result(spec.name, day, ROW_RULE, *about, *bounds, days[day].landed)


def _of_days(spec: Spec, days: dict[date, DayRows]) -> Iterator[Result]:
    """How many of each day's records broke no rule, by dimension."""
    ruled = {rules.dimension(rule) for rule in spec.row_rules}
    for day, rows in days.items():
        broken = Counter[str]()
        for reasons, count in rows.refused.items():
            broken.update(dict.fromkeys({reason_dimension(spec, r) for r in reasons}, count))
        for dimension in sorted(ruled | set(broken)):
            share = 1 - broken[dimension] / rows.landed
            about = (f"{dimension} of records", dimension, "warning")
            yield Result(spec.name, day, DAY_ROWS, *about, share, TARGET, 1.0, share, rows.landed)


def _of_table(look: Look) -> Iterator[Result]:
    """Every dataset rule and watch rule: one aggregate over the table, and what lies beside it."""
    spec = look.spec
    references = _across(look, "references", "references")
    reconciled = _across(look, "reconciles", "equals")
    aggregates = [
        F.count(F.lit(1)).alias("rows_count"),
        *[value.alias(name) for name, value in rules.metrics(spec.dataset_rules).items()],
        *[watch.found_share(r, i).alias(f"found_{i}") for i, r in enumerate(references)],
        *[F.expr(r.args["expression"]).alias(f"own_{i}") for i, r in enumerate(reconciled)],
    ]
    if len(aggregates) > 1:
        others = [(rule, look.table(rule.args["references"]["table"])) for rule in references]
        row = watch.with_references(look.rows, others).agg(*aggregates).collect()[0]
        for i, rule in enumerate(spec.dataset_rules):
            yield _result(look, rule, row[f"metric_{i}"], row["rows_count"])
        for i, rule in enumerate(references):
            yield _result(look, rule, row[f"found_{i}"], row["rows_count"])
        for i, rule in enumerate(reconciled):
            difference = (row[f"own_{i}"] or 0) + _waiting(look, rule) - _other_side(look, rule)
            yield _result(look, rule, difference, row["rows_count"])
    for rule in spec.watch_rules:
        if rule.rule in ("volume", "drift", "fresh"):
            yield from _of_past(look, rule)


def _across(look: Look, kind: str, other: str) -> list[Rule]:
    """The rules of a kind whose other table was run: without it there is no verdict."""
    found = [rule for rule in look.spec.watch_rules if rule.rule == kind]
    return [rule for rule in found if look.reach.records(rule.args[other]["table"])]


def _other_side(look: Look, rule: Rule) -> Any:
    equals = rule.args["equals"]
    value = look.table(equals["table"]).agg(F.expr(equals["expression"]).alias("value"))
    return value.collect()[0]["value"] or 0


def _waiting(look: Look, rule: Rule) -> int:
    """How many rows wait in the table's quarantine, if the rule counts them with those it has."""
    if not rule.args.get("and_waiting"):
        return 0
    return open_records(look.reach.session, look.reach.settings, look.spec.name).count()


def _of_past(look: Look, rule: Rule) -> Iterator[Result]:
    """The rule's result; none where there is too little past to judge by."""
    rows: int | None = None
    number: float | None
    if rule.rule == "volume":
        number, rows = watch.volume_factor(look.records, rule.args["runs"])
    elif rule.rule == "fresh":
        newest = look.reach.newest(look.spec.name, look.version)
        number = watch.age_minutes(newest, look.at)
    else:
        number = watch.drift(_counts(look, rule))
    if number is not None:
        yield _result(look, rule, number, rows)


def _counts(look: Look, rule: Rule) -> dict[tuple[date, str], int]:
    """Rows by day and bucket of the rule's column."""
    bucket = watch.bucket(rule.column, look.spec.columns[rule.column].type)
    day = F.col(rule.args["by"])
    grouped = look.rows.groupBy(day.alias("day"), bucket.alias("bucket")).count()
    return {(row["day"], row["bucket"]): row["count"] for row in grouped.collect()}


def _result(look: Look, rule: Rule, value: Any, rows_count: int | None) -> Result:
    """The number within its bounds; a share counts as far as it goes, any other all or nothing."""
    is_watched = rule in look.spec.watch_rules
    minimum, maximum = watch.bounds(rule) if is_watched else rules.bounds(rule)
    measured = None if value is None else float(value)
    good = float(within(measured, minimum, maximum))
    if rule.rule in rules.SHARES and measured is not None:
        good = measured
    about = (rule.name, rules.dimension(rule), rule.severity)
    kind = WATCH if is_watched else DATASET
    least, most = (None if bound is None else float(bound) for bound in (minimum, maximum))
    return Result(
        look.spec.name, look.at.date(), kind, *about, measured, least, most, good, rows_count
    )
