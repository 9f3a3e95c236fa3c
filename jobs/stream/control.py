"""What people want of the stream, and what its process says of itself: a row in the database.

The process reads the first and writes the second each second, so whoever looks sees a process that
is dead, hangs or fails, and what is wanted outlives a restart.
"""

import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from jobs.alert import Alert, alert
from jobs.errors import LakeproofError
from jobs.patience import STILL_SECONDS, Awaited, await_progress, no_signs
from jobs.settings import Settings, load_settings
from jobs.state import execute
from jobs.stream import freshness

Wanted = Literal["running", "stopped"]
OLDEST_BEAT_SECONDS = 30
# The first pass of a cold Spark server took 101 s on one processor.
LONGEST_PASS_SECONDS = 300
LATE_SECONDS = 120
LOOKS_SECONDS = (0.2, 1.0)
TABLE = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.stream (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  wanted text NOT NULL DEFAULT 'stopped' CHECK (wanted IN ('running', 'stopped')),
  restart_wanted_at timestamptz NOT NULL DEFAULT 'epoch',
  state text NOT NULL DEFAULT 'stopped',
  beat_at timestamptz NOT NULL DEFAULT 'epoch',
  passed_at timestamptz NOT NULL DEFAULT 'epoch'
);
INSERT INTO {schema}.stream DEFAULT VALUES ON CONFLICT DO NOTHING;
"""

BEAT = """
UPDATE {schema}.stream SET state = %s, beat_at = now(), passed_at = coalesce(%s, passed_at)
RETURNING wanted, restart_wanted_at
"""
STATUS = """
SELECT wanted, state, extract(epoch FROM now() - beat_at)::float,
       extract(epoch FROM now() - passed_at)::float,
       coalesce((SELECT extract(epoch FROM now() - min(acked_at)) FROM {schema}.freshness
                 WHERE mart_at IS NULL), 0)::float
FROM {schema}.stream
"""


@dataclass(frozen=True)
class Status:
    """What is wanted of the stream, what it does, and how long ago it said so.

    `pass_seconds` have gone by since all tables that follow were up to date, `behind_seconds` since
    the broker took an order that is looked for and not readable yet.
    """

    wanted: Wanted
    state: str
    beat_seconds: float
    pass_seconds: float
    behind_seconds: float

    @property
    def fault(self) -> str:
        """What is wrong with it; empty when it does what is wanted."""
        if self.beat_seconds > OLDEST_BEAT_SECONDS:
            return f"its process has not been heard of for {self.beat_seconds:.0f} s"
        if self.wanted == "running" and self.state.startswith("failed"):
            return self.state
        if self.state == "running" and self.pass_seconds > LONGEST_PASS_SECONDS:
            return f"it has hung for {self.pass_seconds:.0f} s"
        return ""

    @property
    def is_late(self) -> bool:
        """Whether orders take too long, though it does what is wanted."""
        return self.wanted == "running" and self.behind_seconds > LATE_SECONDS


def prepare(settings: Settings) -> None:
    """Nothing; the row exists from then on.

    Raises: ServiceDown.
    """
    execute(settings, TABLE + freshness.TABLE)


def want(
    settings: Settings,
    wanted: Wanted,
    patience_seconds: float = STILL_SECONDS,
    work: Callable[[], Iterable[Hashable]] = no_signs,
) -> Status:
    """The stream's status once it does what is wanted.

    `work` gives signs of those who work for it: what it says itself is the same while it starts.

    Raises: ServiceDown; StandsStill with its status if for the patience nothing moves.
    """
    _set(settings, "wanted = %s", wanted)
    found = status(settings)

    def arrived() -> Status | None:
        nonlocal found
        found = status(settings)
        return found if found.state == wanted else None

    def signs() -> Iterator[Hashable]:
        yield from work()
        yield f"it is {found.state}"

    def last_words() -> str:
        return (
            f"the stream is not {wanted}: {found}. "
            "`make logs S=stream` says why; nothing is lost, Kafka keeps what is not read."
        )

    what = f"the stream to be {wanted}"
    awaited = Awaited(lambda: what, signs, last_words, patience_seconds)
    return await_progress(arrived, awaited, LOOKS_SECONDS)


def pause(settings: Settings) -> bool:
    """Whether the stream was wanted; it is stopped now.

    Raises: ServiceDown; LakeproofError if it does not stop.
    """
    prepare(settings)
    was_wanted = status(settings).wanted == "running"
    if was_wanted:
        want(settings, "stopped")
    return was_wanted


def restart(settings: Settings) -> Status:
    """The status before: the process ends itself within a second, and who keeps it starts it again.

    Raises: ServiceDown.
    """
    found = status(settings)
    _set(settings, "restart_wanted_at = now()")
    return found


def status(settings: Settings) -> Status:
    """Where the stream stands.

    Raises: ServiceDown.
    """
    return Status(*execute(settings, STATUS)[0])


def beat(settings: Settings, state: str, passed_at: datetime | None) -> tuple[Wanted, datetime]:
    """What is wanted, and when a restart was last asked for; the row has state and time.

    Raises: ServiceDown.
    """
    [(wanted, restart_wanted_at)] = execute(settings, BEAT, [state, passed_at])
    return wanted, restart_wanted_at


def watch_over(settings: Settings) -> Status:
    """Where the stream stands; people are told what is wrong, and one that hangs is restarted.

    One that is late is left to catch up: a restart would only cost it time.

    Raises: ServiceDown.
    """
    found = status(settings)
    if found.fault:
        alert(settings, Alert(f"the stream: {found.fault}", "critical", "stream", str(found)))
        return restart(settings)
    if found.is_late:
        late = f"the stream: orders are not readable after {LATE_SECONDS} s"
        alert(settings, Alert(late, "warning", "stream", str(found)))
    return found


def _set(settings: Settings, assignment: str, *values: Any) -> None:
    execute(settings, f"UPDATE {{schema}}.stream SET {assignment}", values)


ACTIONS: dict[str, Callable[[Settings], Status]] = {
    "start": lambda settings: want(settings, "running"),
    "stop": lambda settings: want(settings, "stopped"),
    "restart": restart,
}


def main(arguments: list[str]) -> None:
    """`python -m jobs.stream.control status|start|stop|restart`."""
    actions = {"status": status, **ACTIONS}
    if len(arguments) != 1 or arguments[0] not in actions:
        sys.exit(f"Say one of {', '.join(actions)}: make stream S=start")
    found = actions[arguments[0]](load_settings())
    print(f"the stream is {found.state}, {found.wanted} is wanted")
    print(f"heard of {found.beat_seconds:.0f} s ago")
    if found.state == "running":
        print(f"all tables that follow were up to date {found.pass_seconds:.0f} s ago")
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for place, waited in freshness.waits(load_settings(), an_hour_ago).items():
        print(f"orders of the last hour, readable in {place}: {waited.line()}")
    if found.fault or found.is_late:
        print(f"wrong: {found.fault or f'an order waits for {found.behind_seconds:.0f} s'}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except LakeproofError as error:
        sys.exit(str(error))
