"""Waiting in a proof: it ends when nothing moves any more, as everywhere in the platform."""

import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from infra.native.instance import load
from infra.native.signs import Signs, Work
from jobs.patience import Awaited, await_progress, no_signs
from jobs.settings import Settings

LOOK_SECONDS = 1
PAUSES = (0.01, 0.2)  # some proofs say how long what they wait for took
Seen = Callable[[], Iterable[Hashable]]


def wait_until(
    reached: Callable[[], Any],
    what: str,
    signs: Seen = no_signs,
    not_yet: tuple[type[Exception], ...] = (),
) -> None:
    """Nothing, once it is so. What this process and its children work on counts as a sign too.

    Raises: StandsStill when for minutes there was no new sign.
    """
    work = Work("the proof", os.getpid())
    awaited = Awaited(lambda: what, lambda: chain(signs(), work()))
    await_progress(reached, awaited, PAUSES, not_yet)


def services(settings: Settings, *names: str) -> Signs:
    """Signs that these services of the platform are at work."""
    return Signs(load(settings.instance), *names)


def await_end(query: Any, settings: Settings) -> None:
    """Nothing, once a streaming query of the platform's Spark has read all there is.

    Raises: the query's own error; StandsStill.
    """
    spark = services(settings, "spark")

    def signs() -> Iterator[Hashable]:
        yield from spark()
        progress = query.lastProgress
        yield progress and progress["batchId"]

    ended = partial(query.awaitTermination, LOOK_SECONDS)
    wait_until(ended, f"the end of the query {query.id}", signs)
