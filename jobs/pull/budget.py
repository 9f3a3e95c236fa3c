"""How fast a platform may be asked."""

from typing import Protocol


class Clock(Protocol):
    """Seconds that never go back, and a way to let them pass: the module `time` is one."""

    def monotonic(self) -> float:
        """Seconds since some moment."""

    def sleep(self, seconds: float, /) -> None:
        """Return after that time."""


class Budget:
    """So many requests a minute, evenly spread: a platform counts them and refuses what is more."""

    def __init__(self, requests_per_minute: int, clock: Clock) -> None:
        self._pause_seconds = 60 / requests_per_minute
        self._clock = clock
        self._next = clock.monotonic()

    def spend(self) -> None:
        """Return when the next request may go out."""
        now = self._clock.monotonic()
        if self._next > now:
            self._clock.sleep(self._next - now)
        self._next = max(self._next, now) + self._pause_seconds
