"""Every table as its Delta log says it is: rows, last run, fates, balance. No engine is asked."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jobs.commits import RunRecord, Standing, standing, standing_now
from jobs.fates import FATES
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import load_specs

THREADS = 8


@dataclass(frozen=True)
class TableState:
    """A table. `now` is None before its first run.

    `counts` are the records its runs account for, by fate; `landed` those of its raw inputs, None
    where it has none. `reasons` says why records were refused.
    """

    spec: Spec
    now: Standing | None
    last: RunRecord | None
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    landed: int | None = None

    @property
    def balance(self) -> str:
        """`equal` when each landed record has a fate, or how many wait; empty if none counts."""
        if self.landed is None or self.now is None:
            return ""
        waiting = self.landed - sum(self.counts.get(fate, 0) for fate in FATES)
        return f"{waiting:,} waiting" if waiting else "equal"

    @property
    def gate(self) -> str:
        """What the gate said of the last run: `passed`, or its warnings."""
        if self.last is None:
            return ""
        return f"{len(self.last.warnings)} warnings" if self.last.warnings else "passed"


@dataclass(frozen=True)
class Pipeline:
    """All tables, inputs before their readers, as they were at a moment."""

    seen_at: datetime
    tables: Mapping[str, TableState]

    def quarantine(self) -> list[tuple[str, str, int]]:
        """Table, reason and records, most records first."""
        found = [
            (name, reason, count)
            for name, state in self.tables.items()
            for reason, count in state.reasons.items()
        ]
        return sorted(found, key=lambda row: -row[2])


def pipeline(settings: Settings) -> Pipeline:
    """What the logs say now.

    Raises: ServiceDown if the object store does not answer.
    """
    specs = load_specs()
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda spec: _state(settings, spec), specs.values())
    states = {state.spec.name: state for state in found}
    for name, spec in specs.items():
        if spec.raw_inputs:
            landed = sum(states[each].counts.get("landed", 0) for each in spec.raw_inputs)
            states[name] = replace(states[name], landed=landed)
    return Pipeline(datetime.now(UTC), states)


def _state(settings: Settings, spec: Spec) -> TableState:
    path = settings.table_path(spec.name)
    now = standing_now(settings, path)
    own = [record for _, record in standing(settings, path)] if now else []
    counts, reasons = Counter[str](), Counter[str]()
    for record in own:
        counts.update(record.counts)
        reasons.update(record.reasons)
    return TableState(spec, now, next(iter(own), None), counts, reasons)
