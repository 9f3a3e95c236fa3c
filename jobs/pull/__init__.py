"""Sources that do not come by themselves: what is new is asked for and landed as JSON lines.

A puller is a module with `pulled(spec, settings, watermark)`: every record the source changed since
a watermark of its own making (None: all there are). It does not care what landed before: what
landed already is not landed again.
"""

import importlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jobs.errors import SpecError
from jobs.settings import Settings
from jobs.spec import Spec

PULLERS = {"api": "jobs.pull.api", "postgres": "jobs.pull.postgres"}


class Record(NamedTuple):
    """One record as JSON without a newline, and where it stands in its source's order, as text."""

    order: str
    line: bytes


@dataclass(frozen=True)
class Answer:
    """What a source was asked for: its records, where the next pull begins, where this one began.

    `identify` says of a line what it is a version of; of the same, the last one landed counts.
    """

    records: Sequence[Record]
    watermark: str | None
    since: str
    identify: Callable[[bytes], Hashable]


@dataclass(frozen=True)
class Pulled:
    """Where the next pull begins, None before the first record; and what was landed."""

    watermark: str | None
    objects_count: int


def pull(spec: Spec, settings: Settings, watermark: str | None) -> Pulled:
    """What is new at the source is landed; nothing new lands no object.

    Raises: PullFailed or ServiceDown, and then nothing was landed; SpecError if the spec's
    `pull` is wrong.
    """
    from jobs.pull.landing import land

    assert spec.source is not None  # spec_file.py lets no bronze table be without
    puller = _puller(spec.name, spec.source.pull)
    answer: Answer = puller.pulled(spec, settings, watermark)
    return Pulled(answer.watermark, land(answer, spec.source.prefix, settings))


def _puller(table: str, told: dict[str, Any]) -> Any:
    if told.get("from") not in PULLERS:
        raise SpecError(f"{table}: `pull` needs `from: {'|'.join(PULLERS)}`, not {told!r}")
    return importlib.import_module(PULLERS[told["from"]])
