"""A run written to a folder: the very bytes that go to Kafka and the object store."""

from contextlib import ExitStack
from pathlib import Path

from generators.landing import files
from generators.messages import TOPICS
from generators.publish import Watch, unwatched
from generators.run import Run
from generators.shop import stream
from generators.truth import Truth
from jobs.errors import LakeproofError

TRUTH_FILE = "truth.json"


def write(run: Run, folder: Path, watch: Watch = unwatched) -> Truth:
    """The truth of a run that is now in a folder, in place of what was there of an older run.

    Shape: one line for each message in `<topic>.jsonl`, the landing files under their keys,
    the truth, written last, in `truth.json`.
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
    truth = Truth.of(run)
    (folder / TRUTH_FILE).unlink(missing_ok=True)
    for file in files(run.day, run.seed):
        path = folder / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    with ExitStack() as stack:
        sinks = {
            topic: stack.enter_context((folder / f"{topic}.jsonl").open("wb")) for topic in TOPICS
        }
        for number, message in enumerate(truth.counting(stream(run)), 1):
            sinks[message.topic].write(message.value + b"\n")
            watch(number, 0)
    (folder / TRUTH_FILE).write_text(truth.to_json())
    return truth
