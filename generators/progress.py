"""How far a run is: a bar on a terminal, else a line every two seconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from generators.publish import Watch

BAR_SECONDS = 0.1
LINE_SECONDS = 2.0


@contextmanager
def shown(expected: int, verb: str) -> Iterator[Watch]:
    """What to tell how many messages are done and how many failed; `verb` names what is done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(expected, verb)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of about {task.total:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = _Bar(progress, progress.add_task(verb, total=max(expected, 1)), verb)
        yield bar
        bar.finish()


class _Bar:
    def __init__(self, progress: Progress, task: TaskID, verb: str) -> None:
        self._progress, self._task, self._verb = progress, task, verb
        self._next = 0.0
        self._done = 0

    def __call__(self, done: int, failed: int) -> None:
        self._done = done
        if monotonic() < self._next:
            return
        self._next = monotonic() + BAR_SECONDS
        description = f"{self._verb}, {failed:,} rejected" if failed else self._verb
        self._progress.update(self._task, completed=done, description=description)

    def finish(self) -> None:
        """The total was an estimate; now it is known."""
        self._progress.update(self._task, completed=self._done, total=self._done)


class _Lines:
    def __init__(self, expected: int, verb: str) -> None:
        self._expected, self._verb = expected, verb
        self._start = monotonic()
        self._next = self._start + LINE_SECONDS

    def __call__(self, done: int, failed: int) -> None:
        now = monotonic()
        if now < self._next:
            return
        self._next = now + LINE_SECONDS
        rate = done / (now - self._start)
        print(
            f"{self._verb} {done:,} of about {self._expected:,} messages, "
            f"{failed:,} rejected, {rate:,.0f}/s",
            file=sys.stderr,
            flush=True,
        )
