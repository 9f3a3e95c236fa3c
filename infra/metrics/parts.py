"""Parts of what is exported, each looked at by a thread of its own.

One that cannot be read takes no other away, and it never shows what was true before: its metrics
are gone, and `lakeproof_collect_ok` of the part is 0.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
import requests
from clickhouse_connect.driver.exceptions import Error as ClickHouseError
from deltalake.exceptions import DeltaError
from kafka.errors import KafkaError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jobs.errors import LakeproofError
from jobs.settings import Settings

# What a service that is down, or on its way up, answers with.
UNREADABLE = (
    LakeproofError, psycopg2.Error, requests.RequestException, KafkaError, DeltaError,
    ClickHouseError, OSError,
)  # fmt: skip
# A look that takes longer than this many of its intervals hangs: what it saw before is old.
LATE_INTERVALS = 4
# By the labels' values, as a tuple of texts.
Values = Mapping[Any, float | None]


@dataclass(frozen=True)
class Part:
    """What is read together, and how often at most."""

    name: str
    every_seconds: float
    read: Callable[[Settings], Iterable[Metric]]


def gauge(name: str, about: str, labels: Sequence[str], values: Values) -> Metric:
    """A metric with a value for each combination of its labels; None is left out."""
    return _filled(GaugeMetricFamily(name, about, labels=labels), values)


def counter(name: str, about: str, labels: Sequence[str], values: Values) -> Metric:
    """The same for what only grows."""
    return _filled(CounterMetricFamily(name, about, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: Values) -> Metric:
    for labels, value in values.items():
        if value is not None:
            family.add_metric(labels, value)
    return family


@dataclass(frozen=True)
class _Look:
    metrics: tuple[Metric, ...]
    error: str
    ended: float
    seconds: float


class Watched(Collector):
    """The newest look at each part, as Prometheus is told of it."""

    def __init__(self, settings: Settings, parts: Sequence[Part]) -> None:
        self._settings = settings
        self._parts = parts
        self._looks: dict[str, _Look] = {}
        self.ended = threading.Event()

    def start(self) -> None:
        """Nothing; from now on each part is looked at, until `ended` is set."""
        for part in self._parts:
            threading.Thread(target=self._watch, args=[part], name=part.name, daemon=True).start()

    def collect(self) -> Iterator[Metric]:
        """Every metric of the parts that can be read, and which parts those are."""
        ok: dict[tuple[str, ...], float | None] = {}
        seconds: dict[tuple[str, ...], float | None] = {}
        for part in self._parts:
            look = self._looks.get(part.name)
            is_readable = look is not None and not look.error and not _is_old(part, look)
            ok[(part.name,)] = float(is_readable)
            if look and is_readable:
                seconds[(part.name,)] = look.seconds
                yield from look.metrics
        yield gauge("lakeproof_collect_ok", "Whether the part could be read", ["part"], ok)
        yield gauge("lakeproof_collect_seconds", "How long reading it took", ["part"], seconds)

    def look(self, part: Part) -> None:
        """Nothing; what the part says now is what is told of it."""
        started = time.monotonic()
        metrics: tuple[Metric, ...] = ()
        error = ""
        try:
            metrics = tuple(part.read(self._settings))
        except UNREADABLE as cause:
            error = str(cause) or repr(cause)
        before = self._looks.get(part.name)
        if error and (before is None or before.error != error):
            print(f"{part.name} cannot be read: {error}", flush=True)
        now = time.monotonic()
        self._looks[part.name] = _Look(metrics, error, now, now - started)

    def _watch(self, part: Part) -> None:
        while not self.ended.is_set():
            self.look(part)
            self.ended.wait(part.every_seconds)


def _is_old(part: Part, look: _Look) -> bool:
    return time.monotonic() - look.ended > LATE_INTERVALS * part.every_seconds + look.seconds
