"""What was published so far: for each run its truth, and the ledger of its messages."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from generators.checksum import Tally
from generators.ledger import Ledger
from generators.publish import Published
from generators.run import Run
from generators.truth import Truth
from jobs.settings import Settings, state_dir

FIRST_DAY = date(2026, 1, 5)
BEGUN = "begun.json"
SENT_AS = "sent_as"


@dataclass(frozen=True)
class Delivery:
    """What became of one topic's messages of one run."""

    produced: Tally
    acked: Tally
    rejected: Tally


@dataclass(frozen=True)
class PublishedRun:
    """One run as it was written down; its messages carry what they were sent as."""

    truth: Truth
    deliveries: dict[str, Delivery]
    sent_as: str


def begin(run: Run, settings: Settings) -> str:
    """What the run's messages are to be sent as; it is written down that they may be out.

    Whoever ended in the middle of it sent some of them, nobody knows which. Sent again, they are
    others, of which each is accounted for.
    """
    path, number = _folder(settings) / BEGUN, 1
    if path.exists() and begun(settings) == run:
        number += int(json.loads(path.read_text())["number"])
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"day": run.day.isoformat(), "count": run.count, "seed": run.seed, "number": number}
    _write(path, json.dumps(said))
    return run.run_id if number == 1 else f"{run.run_id}.{number}"


def begun(settings: Settings) -> Run | None:
    """The run that began and that was never written down as published; None if there is none."""
    path = _folder(settings) / BEGUN
    if not path.exists():
        return None
    said = json.loads(path.read_text())
    return Run(date.fromisoformat(said["day"]), said["count"], said["seed"])


def remember(published: Published, settings: Settings) -> Path:
    """The file that holds the truth; the ledger of its messages is beside it."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    run_id = published.truth.run_id
    delivery = {SENT_AS: published.sent_as, **_deliveries(published.ledger)}
    _write(_delivery_file(folder, run_id), json.dumps(delivery))
    path = folder / f"{run_id}.truth.json"
    _write(path, published.truth.to_json())
    (folder / BEGUN).unlink(missing_ok=True)
    return path


def runs(settings: Settings) -> list[PublishedRun]:
    """All runs published into the namespace, in the order of their days."""
    folder = _folder(settings)
    found = []
    for path in sorted(folder.glob("*.truth.json")):
        truth = Truth.from_json(path.read_text())
        document = json.loads(_delivery_file(folder, truth.run_id).read_text())
        sent_as = document.pop(SENT_AS, truth.run_id)  # older ones do not say it
        deliveries = {
            topic: Delivery(**{side: Tally(**tally) for side, tally in sides.items()})
            for topic, sides in document.items()
        }
        found.append(PublishedRun(truth, deliveries, sent_as))
    return sorted(found, key=lambda run: run.truth.day)


def next_day(published: Iterable[PublishedRun]) -> date:
    """The business day after the last one published."""
    days = [run.truth.day for run in published]
    return max(days) + timedelta(days=1) if days else FIRST_DAY


def _folder(settings: Settings) -> Path:
    return state_dir(settings.instance) / "truth" / (settings.namespace or "default")


def _delivery_file(folder: Path, run_id: str) -> Path:
    return folder / f"{run_id}.delivery.json"


def _write(path: Path, text: str) -> None:
    """The file, complete or not there at all: whoever waits may end us at any moment."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)


def _deliveries(ledger: Ledger) -> dict[str, Any]:
    sides = ("produced", "acked", "rejected")
    return {
        topic: {side: asdict(getattr(entry, side)) for side in sides}
        for topic, entry in ledger.topics.items()
    }
