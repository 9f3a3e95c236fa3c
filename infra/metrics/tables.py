"""Every table as its Delta log says it is. No engine is asked."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from prometheus_client.metrics_core import Metric

from infra.metrics.parts import counter, gauge
from jobs.commits import (
    RunRecord,
    Standing,
    commit_times,
    latest_version,
    records,
    standing_now,
)
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import load_specs
from quality.watch import minutes

THREADS = 4
TABLE = ["table"]


@dataclass
class _Seen:
    """What is known of a table. `counts` are the records of all its runs, by fate.

    `ran_at` is when the last run committed: maintenance, which makes nothing fresh, may have since.
    """

    now: Standing
    last: RunRecord | None = None
    ran_at: datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)


class Tables:
    """Reads the whole log of a table once, and from then on only what is new in it."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def read(self, settings: Settings) -> Iterator[Metric]:
        """The figures of every table that there is.

        Raises: ServiceDown.
        """
        specs = load_specs()
        with ThreadPoolExecutor(THREADS) as pool:
            looks = list(pool.map(lambda name: self._look(settings, name), specs))
        self._seen = {name: seen for name, seen in zip(specs, looks, strict=True) if seen}
        yield from self._standing()
        yield from self._runs()
        targets = {(name,): _target_seconds(specs[name]) for name in self._seen}
        about = "The age that the table's spec allows its content, in seconds"
        yield gauge("lakeproof_table_freshness_target_seconds", about, TABLE, targets)

    def _look(self, settings: Settings, table: str) -> _Seen | None:
        path, known = settings.table_path(table), self._seen.get(table)
        version = latest_version(settings, path)
        # A younger version than the known: the table was made anew.
        if version is None or (known and version < known.now.version):
            known = None
        if version is None or (known and version == known.now.version):
            return known
        now = standing_now(settings, path)
        if now is None:
            return None
        since = known.now.version if known else -1
        seen = replace(known, now=now) if known else _Seen(now)
        _count(seen, settings, path, since)
        return seen

    def _standing(self) -> Iterator[Metric]:
        seen = {(name,): each for name, each in self._seen.items()}
        rows = {name: float(each.now.rows_count) for name, each in seen.items()}
        sizes = {name: float(each.now.size_bytes) for name, each in seen.items()}
        times = {name: each.ran_at.timestamp() for name, each in seen.items() if each.ran_at}
        yield gauge("lakeproof_table_rows", "Rows of the table", TABLE, rows)
        yield gauge("lakeproof_table_bytes", "Bytes of its files", TABLE, sizes)
        about = "When the table's last run committed, in seconds since 1970"
        yield gauge("lakeproof_table_commit_timestamp_seconds", about, TABLE, times)

    def _runs(self) -> Iterator[Metric]:
        last = {name: each.last for name, each in self._seen.items() if each.last}
        run = {(name, fate): float(n) for name, r in last.items() for fate, n in r.counts.items()}
        total = {
            (name, fate): float(n)
            for name, each in self._seen.items()
            for fate, n in each.counts.items()
        }
        warnings = {(name,): float(len(record.warnings)) for name, record in last.items()}
        fates = ["table", "fate"]
        yield gauge("lakeproof_table_run_records", "Records of the last run by fate", fates, run)
        about = "Records of all runs by fate"
        yield counter("lakeproof_table_records", about, fates, total)
        about = "Warnings of the gate in the last run"
        yield gauge("lakeproof_table_gate_warnings", about, TABLE, warnings)


def _count(seen: _Seen, settings: Settings, path: str, since: int) -> None:
    """Nothing; the runs after that version are among what was seen."""
    newest = True
    for version, record in records(settings, path):
        if version <= since:
            return
        if newest:
            seen.last, seen.ran_at = record, _committed_at(seen.now, settings, path, version)
        seen.counts.update(record.counts)
        newest = False


def _committed_at(now: Standing, settings: Settings, path: str, version: int) -> datetime:
    if version == now.version:
        return now.committed_at
    return datetime.fromisoformat(commit_times(settings, path)[version]).replace(tzinfo=UTC)


def _target_seconds(spec: Spec) -> float | None:
    return minutes(spec.freshness) * 60 if spec.freshness else None
