"""A run written to a folder: what goes to Kafka, the object store and the shop's database."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from generators.landing import files
from generators.messages import TOPICS
from generators.people import Row
from generators.publish import Watch, unwatched
from generators.run import Run
from generators.shop import stream
from generators.shop_tables import after_first_day
from generators.stock import Stockroom
from generators.truth import Truth
from jobs.errors import LakeproofError

TRUTH_FILE = "truth.json"


def write(run: Run, folder: Path, watch: Watch = unwatched) -> Truth:
    """The truth of a run that is now in a folder, in place of what was there of an older run.

    Shape: one line for each message in `<topic>.jsonl`, the landing files under their keys, the
    rows of the shop's tables as they stand at the end of the day, if it was the first, in
    `shop/<table>.jsonl`, and the truth, written last, in `truth.json`.
    Raises: LakeproofError if the folder cannot be written.
    """
    try:
        return _write(run, folder, watch)
    except OSError as error:
        raise LakeproofError(
            f"Cannot write to {error.filename or folder}: {error.strerror}. "
            "Give a folder with enough room that you may write to."
        ) from error


def _write(run: Run, folder: Path, watch: Watch) -> Truth:
    truth, stockroom = Truth.of(run), Stockroom(run)
    (folder / TRUTH_FILE).unlink(missing_ok=True)
    for file in files(run.day, run.seed):
        path = folder / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    with ExitStack() as stack:
        sinks = {
            topic: stack.enter_context((folder / f"{topic}.jsonl").open("wb")) for topic in TOPICS
        }
        messages = truth.counting(stockroom.counting(stream(run)))
        for number, message in enumerate(messages, 1):
            sinks[message.topic].write(message.value + b"\n")
            watch(number, 0)
    truth.count(stockroom.facts())
    booked = [{**item._asdict(), "updated_at": item.moved_at} for item in stockroom.movements()]
    tables = {**after_first_day(run.day, run.seed), "inventory_movements": booked}
    for table, rows in tables.items():
        path = folder / "shop" / f"{table}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(map(_line, rows)))
    (folder / TRUTH_FILE).write_text(truth.to_json())
    return truth


def _line(row: Row) -> bytes:
    return json.dumps(row, default=_instant, ensure_ascii=False).encode() + b"\n"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
