"""How far ingestion had come: in bronze, and in whatever was computed from it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs import commits, delta
from jobs.commits import RunRecord
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec, load_specs
from quality.actions import open_records


@dataclass(frozen=True)
class Reach:
    """Looks things up in the Delta logs; what it found it does not look up again."""

    session: SparkSession
    settings: Settings
    _records: dict[str, list[tuple[int, RunRecord]]] = field(default_factory=dict)
    _newest: dict[tuple[str, int], datetime | None] = field(default_factory=dict)

    def records(self, table: str) -> list[tuple[int, RunRecord]]:
        """Versions and run records of a table, newest first; none before its first run."""
        if table not in self._records:
            path = self.settings.table_path(table)
            self._records[table] = list(commits.records(self.settings, path))
        return self._records[table]

    def newest(self, table: str, version: int) -> datetime | None:
        """When the newest record was ingested that had reached the table at a version."""
        if (table, version) not in self._newest:
            is_raw = find_spec(table).source is not None
            found = self._ingested(table, version) if is_raw else self._reached(table, version)
            self._newest[table, version] = found
        return self._newest[table, version]

    def _ingested(self, table: str, version: int) -> datetime | None:
        rows = delta.read(self.session, self.settings.table_path(table), version)
        micros = rows.agg(F.unix_micros(F.max("ingested_at")).alias("at")).collect()[0]["at"]
        return None if micros is None else datetime.fromtimestamp(micros / 1e6, UTC)

    def _reached(self, table: str, version: int) -> datetime | None:
        inputs = next(record.inputs for at, record in self.records(table) if at <= version)
        known = load_specs()
        moments = [self.newest(name, upto) for name, upto in inputs.items() if name in known]
        return max((moment for moment in moments if moment), default=None)

    def now(self) -> datetime:
        """When the newest record of the whole lake was ingested; the epoch if there is none."""
        raw = [
            spec.name for spec in load_specs().values() if spec.source and self.records(spec.name)
        ]
        moments = [self.newest(table, self.records(table)[0][0]) for table in raw]
        return max((moment for moment in moments if moment), default=datetime.fromtimestamp(0, UTC))


@dataclass
class DayRows:
    """What came in on one day: raw records, and those refused by all the reasons they have."""

    landed: int = 0
    refused: Counter[tuple[str, ...]] = field(default_factory=Counter)


def rows_by_day(reach: Reach, spec: Spec, record: RunRecord) -> dict[date, DayRows]:
    """Raw records that a run had read, by the day they were ingested; none if it reads no raw ones.

    Records that were released from quarantine count as good on the day they came.
    """
    days: dict[date, DayRows] = {}
    for name in spec.inputs:
        if find_spec(name).source:
            path = reach.settings.table_path(name)
            raw = delta.read(reach.session, path, record.inputs[name])
            for row in raw.groupBy("_proc_date").count().collect():
                days.setdefault(row["_proc_date"], DayRows()).landed += row["count"]
    if days:
        refused = open_records(reach.session, reach.settings, spec.name)
        grouped = refused.groupBy(F.to_date("ingested_at").alias("day"), "reasons").count()
        for row in grouped.collect():
            days[row["day"]].refused[tuple(row["reasons"])] += row["count"]
    return days
