"""Sources that do not come by themselves: what is new is asked for and landed as JSON lines.

A puller is a module with `records(spec, settings, since)`: every record the source changed at or
after `since` (None: all there are). It does not care what landed before. A pull starts an overlap
before the last watermark, so that a record that becomes visible late, or shares the watermark's
own instant, is not lost; what landed already is not landed again.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from jobs.errors import SpecError
from jobs.settings import Settings
from jobs.spec import Spec

PULLERS = {"api": "jobs.pull.api", "postgres": "jobs.pull.postgres"}


class Record(NamedTuple):
    """One record as JSON without a newline, and the instant the source last changed it."""

    updated_at: datetime
    line: bytes


@dataclass(frozen=True)
class Pulled:
    """The newest `updated_at` seen so far in ISO 8601, None before the first record."""

    watermark: str | None
    objects_count: int


def pull(spec: Spec, settings: Settings, watermark: str | None) -> Pulled:
    """What is new at the source is landed; nothing new lands no object.

    Raises: PullFailed or ServiceDown, and then nothing was landed; SpecError if the spec's
    `pull` is wrong.
    """
    from jobs.pull.landing import land

    assert spec.source is not None  # spec_file.py lets no bronze table be without
    told = spec.source.pull
    puller = _puller(spec.name, told)
    since = None
    if watermark is not None:
        since = datetime.fromisoformat(watermark) - timedelta(days=told.get("overlap_days", 0))
    records: Sequence[Record] = puller.records(spec, settings, since)
    objects_count = land(records, spec.source.prefix, settings, since)
    newest = max((record.updated_at.astimezone(UTC) for record in records), default=None)
    if newest is None or (watermark and newest <= datetime.fromisoformat(watermark)):
        return Pulled(watermark, objects_count)
    return Pulled(newest.isoformat(), objects_count)


def _puller(table: str, told: dict[str, Any]) -> Any:
    if told.get("from") not in PULLERS:
        raise SpecError(f"{table}: `pull` needs `from: {'|'.join(PULLERS)}`, not {told!r}")
    return importlib.import_module(PULLERS[told["from"]])
