"""Waiting for what a platform that is being broken does all the same."""

from collections.abc import Callable, Hashable, Iterator
from typing import TypeVar

from infra.native.instance import load
from infra.native.signs import STREAMING, Signs
from jobs.patience import Awaited, await_progress
from jobs.settings import Settings

# Whatever dies is started anew within that time, and its first work is done, on a slow machine too.
STILL_SECONDS = 600.0
POLL_SECONDS = 0.5  # a look takes a tenth of a processor from what is to recover
MOMENT_SECONDS = 0.005
NO_ERRORS: tuple[type[Exception], ...] = ()
Found = TypeVar("Found")


def await_count(
    settings: Settings,
    read: Callable[[], int],
    due: int,
    what: str,
    not_yet: tuple[type[Exception], ...] = NO_ERRORS,
) -> int:
    """What is read, once it is as much as is due; each new count shows that something moves.

    Raises: StandsStill if for ten minutes it does not, and no service says anything new.
    """
    count: Hashable = None

    def look() -> list[int] | None:
        nonlocal count
        count = found = read()
        return [found] if found >= due else None

    services = _services(settings)

    def signs() -> Iterator[Hashable]:
        yield from services()
        yield f"it is {count}"

    awaited = Awaited(lambda: what, signs, services.last_words, STILL_SECONDS)
    return await_progress(look, awaited, (POLL_SECONDS, POLL_SECONDS), not_yet)[0]


def await_moment(settings: Settings, look: Callable[[], Found | None], what: str) -> Found:
    """What `look` gives, as soon as that is true: a moment that must not be missed.

    Raises: StandsStill.
    """
    services = _services(settings)
    awaited = Awaited(lambda: what, services, services.last_words, STILL_SECONDS)
    return await_progress(look, awaited, (MOMENT_SECONDS, MOMENT_SECONDS))


def _services(settings: Settings) -> Signs:
    """Not by their work: while orders come they work, whether or not any of it succeeds."""
    return Signs(load(settings.instance), *STREAMING, by_work=False)
