"""A service that lives and gives no sign of life is killed, and the supervisor starts it again.

A process that ended the supervisor sees by itself; one that is stopped or stuck it does not. This
is a listener of the supervisor, which calls it each five seconds.
Source: Airflow's scheduler has hung alive (apache/airflow#70526); supervisord.org/events.html
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress

from supervisor.childutils import listener

from infra.native import supervise
from infra.native.health import beat_ages
from infra.native.instance import Instance, current_name, load
from jobs.alert import Alert, tell
from jobs.settings import Settings, load_settings

SILENT_SECONDS = 60
LOOKS = 3  # a machine that slept finds every beat old, once
STARTING_SECONDS = 180  # on a slow machine a cold start gives its first sign after two minutes


class Watchdog:
    """Counts how often in a row each service was found silent.

    `beats` gives the seconds since each one's last sign of life, `ages` since it was started;
    `kill` is called for one that was silent too often.
    """

    def __init__(
        self,
        beats: Callable[[], Mapping[str, float]],
        ages: Callable[[], Mapping[str, float]],
        kill: Callable[[str, float], None],
    ) -> None:
        self._beats, self._ages, self._kill = beats, ages, kill
        self._found: Counter[str] = Counter()

    def look(self) -> None:
        """Nothing; whoever was silent in this look and those before it is killed.

        A service that cannot be asked about is not silent: whom it is asked of may be down.
        """
        beats, ages = self._beats(), self._ages()
        silent = {
            service
            for service, seconds in beats.items()
            if seconds > SILENT_SECONDS and ages.get(service, 0.0) > STARTING_SECONDS
        }
        self._found = Counter({service: self._found[service] + 1 for service in silent})
        for service in sorted(silent):
            if self._found[service] == LOOKS:
                self._kill(service, beats[service])


def ages(instance: Instance) -> dict[str, float]:
    """The seconds since the start of each service that runs."""
    found = supervise.processes(instance)
    return {one.name: time.time() - one.started_at for one in found if one.pid}


def kill(instance: Instance, settings: Settings, service: str, seconds: float) -> None:
    """SIGKILL, and people are told: it may hang again."""
    told = f"{service} gave no sign of life for {seconds:.0f} s and was killed to be started again"
    if pid := supervise.pid(instance, service):
        with suppress(ProcessLookupError):  # it ended by itself in between
            os.kill(pid, signal.SIGKILL)
    print(told, *tell(settings, [Alert(told, "critical", service)]), sep="; ", file=sys.stderr)


def main() -> None:
    """Look each time the supervisor calls, until it ends."""
    instance, settings = load(current_name()), load_settings()
    watchdog = Watchdog(
        lambda: beat_ages(settings),
        lambda: ages(instance),
        lambda service, seconds: kill(instance, settings, service, seconds),
    )
    while True:
        listener.wait()
        watchdog.look()
        listener.ok()


if __name__ == "__main__":
    main()
