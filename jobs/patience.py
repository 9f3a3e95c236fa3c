"""Waiting for what others do: looked at again and again, as long as something moves.

How fast a machine is nobody knows beforehand, so a wait for the platform's work has no time of its
own: it ends when nothing has moved for minutes. `await_true` with its fixed patience is for what
takes no work, or a test's own. See docs/decisions/waiting.md.
"""

import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from jobs.errors import StandsStill

STILL_SECONDS = 300.0
PAUSES = (0.5, 3.0)
PAUSE_GROWTH = 1.5
# Reading signs costs more than a look: files, processes of the operating system.
SIGNS_SECONDS = 1.0
TOLD_SECONDS = (2.0, 10.0, 30.0)  # after the beginning; from then on each `TOLD_SECONDS[-1]`
Found = TypeVar("Found")
_of_thread = threading.local()


def no_signs() -> Iterable[Hashable]:
    """Those of a wait for one answer, which nothing announces."""
    return ()


def nothing_more() -> str:
    """What is said of who cannot be asked why it stands still."""
    return ""


@dataclass(frozen=True)
class Awaited:
    """What is waited for, and what shows that it comes nearer.

    `what` says it to people, and may say more as time goes on. Something moved whenever `signs`
    gives a sign that it has not given before: so a log that repeats itself, or a state that comes
    and goes, is no progress for long. `last_words` says of who stands still what it said last.
    """

    what: Callable[[], str]
    signs: Callable[[], Iterable[Hashable]] = no_signs
    last_words: Callable[[], str] = nothing_more
    still_seconds: float = STILL_SECONDS


class Progress:
    """Since when something is awaited, and what moved last."""

    def __init__(self, awaited: Awaited) -> None:
        self._awaited = awaited
        self._seen: set[Hashable] = set(awaited.signs())
        self._began = self._moved = self._looked = time.monotonic()
        self._since = datetime.now()
        self._last: Hashable = None

    def look(self) -> bool:
        """Whether something has moved since the last look; too soon after it, nothing has."""
        now = time.monotonic()
        if now - self._looked < SIGNS_SECONDS:
            return False
        self._looked = now
        new = [sign for sign in self._awaited.signs() if sign not in self._seen]
        if new:
            self._seen.update(new)
            self._moved, self._last = now, new[-1]
        return bool(new)

    def require_movement(self, cause: Exception | None = None) -> None:
        """Nothing, if something has moved within the time that standing still may take.

        Raises: StandsStill with what is awaited, what moved last, and the last words.
        """
        still = time.monotonic() - self._moved
        if still < self._awaited.still_seconds:
            return
        told = f"nothing has moved for {still:.0f} s: {self.line()}"
        parts = [told, f"the last answer: {cause}" if cause else "", self._awaited.last_words()]
        raise StandsStill("\n\n".join(part for part in parts if part))

    def line(self) -> str:
        """What is awaited, since when, and what moved last, for people."""
        now = time.monotonic()
        waited = f"{self._awaited.what()}, since {self._since:%H:%M:%S} ({now - self._began:.0f} s)"
        if self._last is None:
            return waited
        return f"{waited}; {now - self._moved:.0f} s ago: {self._last}"


def await_progress(
    look: Callable[[], Found | None],
    awaited: Awaited,
    pauses: tuple[float, float] = PAUSES,
    not_yet: tuple[type[Exception], ...] = (),
) -> Found:
    """What `look` gives, as soon as that is true, however long that takes while something moves.

    The pauses between looks grow from the first to the second while nothing does. A wait of more
    than two seconds is told.

    Raises: StandsStill with the last look's error when nothing has moved for too long. Errors of
    `look` that are not a `not_yet` go through at once.
    """
    progress = Progress(awaited)
    with told(progress):
        return look_until(look, progress, pauses, not_yet)


def look_until(
    look: Callable[[], Found | None],
    progress: Progress,
    pauses: tuple[float, float] = PAUSES,
    not_yet: tuple[type[Exception], ...] = (),
) -> Found:
    """The same within a wait that has begun, and that goes on after what `look` gives."""
    pause = pauses[0]
    while True:
        cause: Exception | None = None
        try:
            if found := look():
                return found
        except not_yet as error:
            cause = error
        pause = pauses[0] if progress.look() else min(pause * PAUSE_GROWTH, pauses[1])
        progress.require_movement(cause)
        time.sleep(pause)


@contextmanager
def told(progress: Progress, tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """While the block runs, people hear at growing intervals what it waits for.

    In a thread of its own: a look that hangs is what people want to hear of. If that look waits
    too, one line tells of both.
    """
    waits: list[Progress] = _of_thread.__dict__.setdefault("waits", [])
    over = threading.Event()

    def tell_all() -> None:
        for seconds in told_after():
            if over.wait(seconds):
                return
            lines = [progress.line() for progress in list(waits)]
            (tell or _tell)(f"   waiting for {'; for '.join(lines)}")

    waits.append(progress)
    if waits == [progress]:
        threading.Thread(target=tell_all, daemon=True).start()
    try:
        yield
    finally:
        waits.remove(progress)
        over.set()


def told_of(what: str) -> AbstractContextManager[None]:
    """The same for a block that looks at nothing itself."""
    return told(Progress(Awaited(lambda: what)))


def told_after() -> Iterator[float]:
    """The seconds from each line about a wait to the next, without end."""
    before = 0.0
    for seconds in TOLD_SECONDS:
        yield seconds - before
        before = seconds
    while True:
        yield TOLD_SECONDS[-1]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def await_true(
    look: Callable[[], Found | None],
    patience_seconds: float,
    failure: Callable[[Exception | None], Exception],
    poll_seconds: float = 0.2,
    not_yet: tuple[type[Exception], ...] = (),
) -> Found:
    """What `look` gives, as soon as that is true; it is called at least once.

    Raises: what `failure` makes of the last look's error (None if it had none) when patience is at
    its end. Errors of `look` that are not a `not_yet` go through at once.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        cause: Exception | None = None
        try:
            if found := look():
                return found
        except not_yet as error:
            cause = error
        if time.monotonic() >= deadline:
            raise failure(cause) from None
        time.sleep(poll_seconds)
