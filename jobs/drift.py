"""Records that differ from their contract: new fields are recorded, breaking changes are alarms.

`python -m jobs.drift` prints what was seen and what tables followed so far.
Source: docs/decisions/schema-change.md
"""

import sys
from collections.abc import Iterator
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import commits
from jobs.alert import Alert, tell
from jobs.commits import RunRecord
from jobs.decode import ROW
from jobs.errors import LakeproofError
from jobs.schema_change import DECISIONS, DROPPED, NEW_VALUE, RENAMED, RETYPED
from jobs.settings import Settings, load_settings
from jobs.spec import Spec
from jobs.specs import load_specs

# A change of the source shows in many records at once; a broken record now and then is no change.
ALARM_SHARE = 0.05
ALARM_ROWS = 10
MAX_NEW_FIELDS = 50
MAX_NAME_LENGTH = 100


def new_fields(staged: DataFrame) -> dict[str, dict[str, str | int]]:
    """Fields that the contract does not know: where each was first seen, and in how many records.

    The most frequent ones only, so that a source that makes up names cannot fill the record.
    """
    seen = (
        staged.select(
            F.explode(f"{ROW}.new_fields").alias("name"), f"{ROW}.record_id", f"{ROW}.source"
        )
        .groupBy(F.substring("name", 1, MAX_NAME_LENGTH).alias("name"))
        .agg(F.min_by("source", "record_id").alias("first"), F.count("*").alias("rows"))
        .orderBy(F.desc("rows"), "name")
        .limit(MAX_NEW_FIELDS)
    )
    return {row["name"]: {"first": row["first"], "rows": row["rows"]} for row in seen.collect()}


def _kind_of_reason(reason: str, record: RunRecord, spec: Spec) -> str | None:
    """The change that a reason in quarantine is a sign of, None if it is one of none."""
    if reason.startswith(("not_null:", "missing_column:")):
        return RENAMED if record.new_fields else DROPPED
    if reason in ("wrong_type", "no_time_zone"):
        return RETYPED
    lists = {rule.name for rule in spec.row_rules if rule.rule == "in_set"}
    return NEW_VALUE if reason in lists else None


def alarmed(settings: Settings, record: RunRecord, spec: Spec) -> RunRecord:
    """The record with a warning per alarm, each of which was sent to the alert channel.

    A channel that is down stops no good rows: the warning says that nobody was told.
    """
    warnings = tell(settings, _alarms(record, spec))
    return replace(record, warnings=[*record.warnings, *warnings])


def _alarms(record: RunRecord, spec: Spec) -> Iterator[Alert]:
    """An alert per change that refuses a noticeable share of the run's records."""
    total = sum(record.counts.values())
    for reason, rows in record.reasons.items():
        kind = _kind_of_reason(reason, record, spec)
        if kind and rows >= ALARM_ROWS and rows >= ALARM_SHARE * total:
            fields = ", ".join(record.new_fields)
            yield Alert(
                title=f"{spec.name}: {rows:,} of {total:,} records refused for {reason}",
                severity="critical",
                source=spec.name,
                detail=f"It looks like a {kind}. {DECISIONS[kind].live}"
                + (f" New fields in the same run: {fields}." if fields else "")
                + f" The records are in the quarantine of {spec.name}; run {record.run_id}.",
            )


def seen(settings: Settings) -> Iterator[str]:
    """A line per new field and per column that a table followed, oldest first in each table.

    Raises: ServiceDown.
    """
    for spec in load_specs().values():
        if spec.layer == "bronze":
            continue
        told = [record for _, record in commits.records(settings, settings.table_path(spec.name))]
        first: dict[str, str] = {}
        for record in reversed(told):
            for name, where in record.new_fields.items():
                first.setdefault(name, str(where["first"]))
            yield from (f"{spec.name:<24} {change}" for change in record.followed)
        for name, place in first.items():
            yield f"{spec.name:<24} field {name} is in no contract; first seen at {place}"


if __name__ == "__main__":
    try:
        lines = list(seen(load_settings()))
    except LakeproofError as error:
        sys.exit(f"error: {error}")
    print("\n".join(lines) or "every record had the fields of its contract")
