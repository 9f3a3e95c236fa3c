"""The stub service in a thread of the test, with rows of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import uvicorn

from generators import ads, crm
from infra.stubs.login import Account
from infra.stubs.server import create_app
from jobs.patience import await_true
from jobs.settings import Settings

LOGIN = ("lake-client", "lake-secret-that-no-message-may-show")
START_SECONDS = 60.0
POLL_SECONDS = 0.01
EVERYTHING_DAY = "2026-01-05"


def leisurely() -> Callable[[], float]:
    """A clock on which a second passes at each look, so that no limit is reached."""
    return count().__next__


@contextmanager
def serving(folder: Path, now: Callable[[], float]) -> Iterator[Settings]:
    """Settings of a client whose platforms are this service over a folder.

    Raises: AssertionError if the service does not start in time.
    """
    app = create_app(folder, Account(*LOGIN), now)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    late = AssertionError(f"the service did not start in {START_SECONDS} s")
    await_true(lambda: server.started, START_SECONDS, lambda _: late, POLL_SECONDS)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield settings_for(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join()


def settings_for(url: str) -> Settings:
    """Settings that know the stub service and nothing else."""
    blank: dict[str, Any] = {item.name: 0 if item.type is int else "" for item in fields(Settings)}
    login = {"s3_access_key": LOGIN[0], "s3_secret_key": LOGIN[1]}
    return replace(Settings(**blank), shop_api_url=url, namespace="ns_1", **login)


def rows(platform: str, days: int = 1) -> list[dict[str, Any]]:
    """Rows of a platform: three a day of an ad platform, six a day of the CRM."""
    from datetime import date, timedelta

    found = []
    for number in range(days):
        day = date(2026, 1, 5) + timedelta(days=number)
        found += crm.contacts(day, 7) if platform == "crm" else ads.rows(day, 7)[platform]
    return found


@dataclass
class FakeClock:
    """A clock that stands still unless somebody sleeps; `between` runs at each sleep."""

    seconds: float = 0.0
    between: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        """The seconds slept so far."""
        return self.seconds

    def sleep(self, seconds: float, /) -> None:
        """The clock is moved on; nobody waits."""
        self.seconds += seconds
        self.between()
