"""Waiting for services: each becomes healthy, or the start fails with its last words."""

import importlib
import threading
import time
from collections.abc import Container, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from infra.native import supervise
from infra.native.health import CHECKS
from infra.native.install import moved_at
from infra.native.instance import Instance
from infra.native.logs import last_lines
from jobs.errors import LakeproofError, ServiceDown
from jobs.settings import Settings

PATIENCE_SECONDS = 300
POLL_SECONDS = 0.25
STARTS_ALLOWED = 2  # a third process of the same service means that it does not stay up


class StartFailed(LakeproofError):
    """A service did not become healthy."""


def healthy(
    instance: Instance, settings: Settings, later: Container[str] = ()
) -> Iterator[tuple[str, float]]:
    """Each service and the seconds it took, as it becomes healthy; without those that join later.

    Time does not run while something is being installed.
    Raises: StartFailed if a service ended for good, or if time is up.
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
            while waiting:
                for name in _finished(waiting):
                    yield name, time.monotonic() - started
                watch.look()
                quiet_seconds = min(time.monotonic() - started, time.time() - moved_at())
                if waiting and quiet_seconds > PATIENCE_SECONDS:
                    raise watch.failure(next(iter(waiting.values())), "is not healthy")
        finally:
            watch.give_up.set()


def _finished(waiting: dict[Future[None], str]) -> Iterator[str]:
    done, _ = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
        yield waiting.pop(future)


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
        while not self.give_up.is_set():
            if name in self._running:
                try:
                    return CHECKS[name](self._settings)
                except ServiceDown as cause:
                    self._causes[name] = cause
            self.give_up.wait(POLL_SECONDS)

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
