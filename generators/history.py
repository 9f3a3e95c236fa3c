"""What was published so far: for each run its truth, and the ledger of its messages."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from generators.checksum import Tally
from generators.ledger import Ledger
from generators.publish import Published
from generators.truth import Truth
from jobs.settings import Settings, state_dir

FIRST_DAY = date(2026, 1, 5)


@dataclass(frozen=True)
class Delivery:
    """What became of one topic's messages of one run."""

    produced: Tally
    acked: Tally
    rejected: Tally


@dataclass(frozen=True)
class PublishedRun:
    """One run as it was written down."""

    truth: Truth
    deliveries: dict[str, Delivery]


def remember(published: Published, settings: Settings) -> Path:
    """The file that holds the truth; the ledger of its messages is beside it."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    run_id = published.truth.run_id
    _delivery_file(folder, run_id).write_text(_deliveries(published.ledger))
    path = folder / f"{run_id}.truth.json"
    path.write_text(published.truth.to_json())
    return path


def runs(settings: Settings) -> list[PublishedRun]:
    """All runs published into the namespace, in the order of their days."""
    folder = _folder(settings)
    found = []
    for path in sorted(folder.glob("*.truth.json")):
        truth = Truth.from_json(path.read_text())
        document = json.loads(_delivery_file(folder, truth.run_id).read_text())
        deliveries = {
            topic: Delivery(**{side: Tally(**tally) for side, tally in sides.items()})
            for topic, sides in document.items()
        }
        found.append(PublishedRun(truth, deliveries))
    return sorted(found, key=lambda run: run.truth.day)


def next_day(published: Iterable[PublishedRun]) -> date:
    """The business day after the last one published."""
    days = [run.truth.day for run in published]
    return max(days) + timedelta(days=1) if days else FIRST_DAY


def _folder(settings: Settings) -> Path:
    return state_dir(settings.instance) / "truth" / (settings.namespace or "default")


def _delivery_file(folder: Path, run_id: str) -> Path:
    return folder / f"{run_id}.delivery.json"


def _deliveries(ledger: Ledger) -> str:
    sides = ("produced", "acked", "rejected")
    return json.dumps(
        {
            topic: {side: asdict(getattr(entry, side)) for side in sides}
            for topic, entry in ledger.topics.items()
        }
    )
