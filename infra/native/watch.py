"""Waiting for services: each becomes healthy, or the start fails with its last words."""

import importlib
import threading
import time
from collections.abc import Container, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from infra.native import supervise
from infra.native.health import CHECKS
from infra.native.install import moved_at
from infra.native.instance import Instance
from infra.native.logs import last_lines
from infra.native.signs import Signs
from jobs.errors import LakeproofError, ServiceDown, StandsStill
from jobs.patience import Awaited, Progress, told
from jobs.settings import Settings

LOOK_SECONDS = 0.5
# Between two checks of a service: while all of them start, each check takes from what it awaits.
PAUSES = (0.25, 1.5)
PAUSE_GROWTH = 1.3
STARTS_ALLOWED = 2  # a third process of the same service means that it does not stay up


Waiting = dict[Future[None], str]


class StartFailed(LakeproofError):
    """A service did not become healthy."""


def healthy(
    instance: Instance, settings: Settings, later: Container[str] = ()
) -> Iterator[tuple[str, float]]:
    """Each service and the seconds it took, as it becomes healthy; without those that join later.

    Raises: StartFailed if a service ended for good, or if nothing moves any more in those that are
    awaited, nor in what is being installed.
    """
    # Two checks need each. Imported by both their threads at once, one may find it half-made.
    for module in ("pyspark.sql.connect.session", "clickhouse_connect"):
        importlib.import_module(module)
    started = time.monotonic()
    names = [service.name for service in instance.services if service.name not in later]
    watch = _Watch(instance, settings, names)
    with ThreadPoolExecutor(len(names) or 1) as pool:
        waiting = {pool.submit(watch.wait_for, name): name for name in names}
        try:
            progress = watch.progress(waiting)
            with told(progress):
                while waiting:
                    watch.look()
                    for name in _finished(waiting):
                        yield name, time.monotonic() - started
                    progress.look()
                    watch.require_movement(progress, waiting)
        finally:
            watch.give_up.set()


def _finished(waiting: Waiting) -> list[str]:
    done, _ = wait(waiting, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return [waiting.pop(future) for future in done]


class _Watch:
    """What the supervisor and the checks have said so far."""

    def __init__(self, instance: Instance, settings: Settings, names: list[str]) -> None:
        self.give_up = threading.Event()
        self._instance = instance
        self._settings = settings
        self._running: frozenset[str] = frozenset()
        self._pids: dict[str, set[int]] = {name: set() for name in names}
        self._causes: dict[str, ServiceDown] = {}

    def wait_for(self, name: str) -> None:
        """Return when the service runs and has answered since, or when we gave up.

        Only then: what answers before may be what the killed process left behind.
        """
        pause = PAUSES[0]
        while not self.give_up.is_set():
            if name in self._running:
                try:
                    return CHECKS[name](self._settings)
                except ServiceDown as cause:
                    self._causes[name] = cause
                    pause = min(pause * PAUSE_GROWTH, PAUSES[1])
            self.give_up.wait(pause)

    def progress(self, waiting: Waiting) -> Progress:
        """That of the services that are not healthy yet; what the others do is no part of it."""
        seen = Signs(self._instance, *waiting.values())

        def signs() -> Iterator[str]:
            yield from (sign for sign in seen() if sign.split()[0] in waiting.values())
            yield f"{len(waiting)} services are left"
            yield f"something was installed, {datetime.fromtimestamp(moved_at()):%H:%M:%S}"

        # A list, since another thread asks for the line.
        return Progress(Awaited(lambda: ", ".join(list(waiting.values())), signs))

    def require_movement(self, progress: Progress, waiting: Waiting) -> None:
        """Nothing, while something moves in those that are awaited.

        Raises: StartFailed with the last words of one of them.
        """
        try:
            progress.require_movement()
        except StandsStill as still:
            name = next(iter(waiting.values()))
            raise self.failure(name, f"is not healthy; {still}") from None

    def look(self) -> None:
        """Ask the supervisor.

        Raises: StartFailed if a service does not stay up.
        """
        found = supervise.processes(self._instance)
        self._running = frozenset(each.name for each in found if each.state == "RUNNING")
        for process in (each for each in found if each.name in self._pids):
            if process.lacks_its_part:
                raise self.failure(process.name, "could not be installed")
            self._pids[process.name].add(process.pid)
            starts = len(self._pids[process.name] - {0})
            if process.state == "FATAL" or starts > STARTS_ALLOWED:
                raise self.failure(process.name, "does not stay up")

    def failure(self, name: str, what: str) -> StartFailed:
        """The error that says what is wrong with a service, with the end of its log."""
        cause = f": {self._causes[name]}" if name in self._causes else ""
        log = supervise.log_file(self._instance, name)
        tail = "\n".join(f"  {line}" for line in last_lines(log, 15))
        return StartFailed(
            f"{name} {what}{cause}\n\nthe end of {log}:\n{tail}\n\n"
            f"Mend what the log complains about, then run `make up` again: it starts what is "
            f"missing. `make logs S={name}` shows more, `make down` stops the rest."
        )
