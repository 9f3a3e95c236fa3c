"""What the channel was told: alerts as lines of JSON, only ever appended, the oldest dropped."""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

SEVERITIES = ("info", "warning", "critical")
LIMITS = {"title": 300, "severity": 20, "source": 300, "detail": 20_000}
SEGMENT_ALERTS = 5_000


class BadAlert(ValueError):
    """What was sent is no alert; the message says why."""


@dataclass(frozen=True)
class Received:
    """One alert with its number, counted from 1, and the UTC instant it came in."""

    number: int
    received_at: str
    title: str
    severity: str
    source: str
    detail: str


def checked(body: object) -> dict[str, str]:
    """The four texts of an alert.

    Raises: BadAlert with the first thing that is wrong.
    """
    if not isinstance(body, Mapping):
        raise BadAlert("the body must be a JSON object")
    if strange := sorted(set(body) - set(LIMITS)):
        raise BadAlert(f"unknown key {strange[0]!r}; known are {', '.join(LIMITS)}")
    texts = {name: body.get(name, "" if name == "detail" else None) for name in LIMITS}
    for name, text in texts.items():
        if not isinstance(text, str) or not (text.strip() or name == "detail"):
            raise BadAlert(f"{name} must be a text that says something, not {text!r}")
        if len(text) > LIMITS[name]:
            raise BadAlert(f"{name} has {len(text)} characters; at most {LIMITS[name]} are kept")
        if not text.isprintable() and name != "detail":
            raise BadAlert(f"{name} must be one line of printable characters")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise BadAlert(f"{name} holds half of a character, which no file can keep")
    if texts["severity"] not in SEVERITIES:
        raise BadAlert(f"severity must be one of {', '.join(SEVERITIES)}")
    return texts


class Store:
    """The alerts of one folder, in two segments: a full one becomes the old one and is dropped
    when the next is full.

    Safe for threads of one process. An alert is on disk before its number is handed out.
    """

    def __init__(self, folder: Path, segment_alerts: int = SEGMENT_ALERTS) -> None:
        self._current, self._old = folder / "alerts.jsonl", folder / "alerts.old.jsonl"
        self._limit = segment_alerts
        self._lock = threading.Lock()
        _cut_torn_line(self._current)
        self._kept = [_read(self._old), _read(self._current)]

    def add(self, texts: Mapping[str, str], received_at: str) -> Received:
        """The alert as it is kept from now on."""
        with self._lock:
            kept = self._all()
            number = kept[-1].number + 1 if kept else 1
            alert = Received(number=number, received_at=received_at, **texts)
            if len(self._kept[1]) >= self._limit:
                os.replace(self._current, self._old)
                self._kept = [self._kept[1], []]
            with self._current.open("a") as file:
                file.write(json.dumps(asdict(alert)) + "\n")
                file.flush()
                os.fsync(file.fileno())
            self._kept[1].append(alert)
            return alert

    def since(self, number: int) -> list[Received]:
        """The alerts with a greater number, oldest first."""
        with self._lock:
            return [alert for alert in self._all() if alert.number > number]

    def _all(self) -> list[Received]:
        return [*self._kept[0], *self._kept[1]]


def _cut_torn_line(path: Path) -> None:
    """Drop what a kill left of a line that was being written: its sender got no answer."""
    if path.exists():
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            os.truncate(path, len(whole))


def _read(path: Path) -> list[Received]:
    if not path.exists():
        return []
    return [Received(**json.loads(line)) for line in path.read_text().splitlines()]
