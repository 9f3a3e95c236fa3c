"""Every table as its Delta log says it is: rows, last run, fates, balance. No engine is asked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deltalake.exceptions import DeltaError
from minio import Minio

from jobs.commits import RunRecord, Standing
from jobs.errors import LakeproofError, ServiceDown
from jobs.fates import FATES
from jobs.logs import Log, Logs
from jobs.session import object_store
from jobs.settings import Settings
from jobs.spec import Spec

THREADS = 4


@dataclass(frozen=True)
class TableState:
    """A table when its log was read, which is None before the first time.

    `now` is None where there is no table yet, `last` before its first run has ended. `counts` are
    the records its runs account for, by fate; `reasons` says why records were refused. `trouble` is
    why its log cannot be read.
    """

    spec: Spec
    read_at: datetime | None = None
    now: Standing | None = None
    last: RunRecord | None = None
    ended_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    trouble: str = ""

    @property
    def is_known(self) -> bool:
        """Whether its log was read, and could be."""
        return self.read_at is not None and not self.trouble

    @property
    def gate(self) -> str:
        """What the gate said of the last run: `passed`, or its warnings."""
        if self.last is None:
            return ""
        count = len(self.last.warnings)
        return f"{count} {'warning' if count == 1 else 'warnings'}" if count else "passed"


@dataclass(frozen=True)
class Pipeline:
    """All tables, inputs before their readers, each as it was when its log was read."""

    tables: Mapping[str, TableState]

    @property
    def seen_at(self) -> datetime | None:
        """When the log was read that was read longest ago; None as long as one is to be read."""
        known = [state.read_at for state in self.tables.values() if state.read_at]
        return min(known) if len(known) == len(self.tables) else None

    @property
    def is_known(self) -> bool:
        """Whether all logs were read."""
        return all(state.is_known for state in self.tables.values())

    def balance(self, name: str) -> str:
        """`equal` when each record that landed for the table has a fate, or how many have none or
        several; empty if none is counted, or not known."""
        state = self.tables[name]
        sources = [self.tables[each] for each in state.spec.raw_inputs]
        if not sources or state.last is None or not all(each.is_known for each in sources):
            return ""
        landed = sum(each.counts.get("landed", 0) for each in sources)
        waiting = landed - sum(state.counts.get(fate, 0) for fate in FATES)
        if waiting < 0:
            return f"{-waiting:,} too many"
        return f"{waiting:,} waiting" if waiting else "equal"

    def quarantine(self) -> list[tuple[str, str, int]]:
        """Table, reason and records, most records first."""
        found = [
            (name, reason, count)
            for name, state in self.tables.items()
            for reason, count in state.reasons.items()
        ]
        return sorted(found, key=lambda row: -row[2])


class Tables:
    """What is known of the tables; `read` makes it new, and what it cannot read stays as it was."""

    def __init__(self, settings: Settings, specs: Mapping[str, Spec]) -> None:
        self._settings, self._logs = settings, Logs(settings)
        self._states = {name: TableState(spec) for name, spec in specs.items()}

    def now(self) -> Pipeline:
        """All that is known so far."""
        return Pipeline(dict(self._states))

    def read(self) -> None:
        """Nothing; all logs were read.

        Raises: ServiceDown if the object store does not answer.
        """
        store = object_store(self._settings)
        specs = [state.spec for state in self._states.values()]
        # Readers first: what they have read by then, their inputs have.
        for part in (
            [spec for spec in specs if spec.layer != "bronze"],
            [spec for spec in specs if spec.layer == "bronze"],
        ):
            self._read(store, part)

    def _read(self, store: Minio, specs: Iterable[Spec]) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda spec: self._look(store, spec), specs))

    def _look(self, store: Minio, spec: Spec) -> None:
        try:
            log = self._logs.read(store, self._settings.table_path(spec.name))
            state = state_of(spec, log, datetime.now(UTC))
        except ServiceDown:
            raise
        except (LakeproofError, DeltaError) as error:
            state = TableState(spec, datetime.now(UTC), trouble=str(error))
        self._states[spec.name] = state


def state_of(spec: Spec, log: Log | None, read_at: datetime) -> TableState:
    """The table that such a log tells of."""
    if log is None:
        return TableState(spec, read_at)
    counts, reasons = Counter[str](), Counter[str]()
    account = log.account()
    for record in account:
        counts.update(record.counts)
        reasons.update(record.reasons)
    ended_at = log.runs[0].committed_at if log.runs else None
    return TableState(spec, read_at, log.now, next(iter(account), None), ended_at, counts, reasons)
