"""The memory of all services of an instance."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from infra.native import status
from infra.native.creation import load_or_create

SAMPLE_SECONDS = 5.0
GIB = 1 << 30


def memory_gib(instance: str) -> float:
    """What the services hold now, in GiB."""
    rows = status.rows(load_or_create(instance))
    return round(sum(row.memory_bytes for row in rows) / GIB, 2)


@contextmanager
def peak_memory(instance: str) -> Iterator[dict[str, float]]:
    """The peak of all services, known when the block is left; sampled every few seconds."""
    found = {"peak_memory_gib": 0.0}
    done = threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLE_SECONDS):
            found["peak_memory_gib"] = max(found["peak_memory_gib"], memory_gib(instance))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()
