"""Frames that a run reads more than once: computed the first time, dropped when the run ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from pyspark.sql import DataFrame

Keep = Callable[[DataFrame], DataFrame]


@contextmanager
def keeping() -> Iterator[Keep]:
    """A function that persists a frame and returns it; leaving the block unpersists all."""
    with ExitStack() as at_end:

        def keep(frame: DataFrame) -> DataFrame:
            kept = frame.persist()
            at_end.callback(kept.unpersist)
            return kept

        yield keep
