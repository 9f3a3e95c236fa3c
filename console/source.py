"""What a page shows and a service has to say: asked beside the page, and awaited a moment.

No page waits for a slow service or fails with it: it shows what was said last, how old that is, and
why there is nothing newer.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Generic, TypeVar
from xmlrpc.client import Error as ControlError

import psycopg2
import requests
from anyio import CapacityLimiter, to_thread
from deltalake.exceptions import DeltaError

from jobs.errors import LakeproofError

T = TypeVar("T")

PATIENCE_SECONDS = 0.4
NOW = timedelta(0)
# What a service that is down, or on its way up or down, is answered for with.
UNREADABLE = (
    psycopg2.Error, requests.RequestException, DeltaError, ControlError, HTTPException, OSError,
)  # fmt: skip


@dataclass(frozen=True)
class Seen(Generic[T]):
    """What was said last and when, None before the first time; `trouble` is why nothing newer.

    It `is_late` when that will be known in a moment.
    """

    value: T | None = None
    at: datetime | None = None
    trouble: str = ""
    is_late: bool = False

    @property
    def is_awaited(self) -> bool:
        """Whether the first answer is on its way: the page asks again by itself."""
        return self.is_late and self.at is None


class Source(Generic[T]):
    """One thing to ask for. It is asked once at a time, however many pages want it.

    `what` names it for people, `command` shows them more when it cannot be read.
    """

    def __init__(self, what: str, command: str, ask: Callable[[], T]) -> None:
        self._what, self._command, self._ask = what, command, ask
        self._seen = Seen[T]()
        self._asked_at = 0.0
        self._asking: asyncio.Task[None] | None = None

    async def look(self, newest: timedelta = NOW) -> Seen[T]:
        """What is so now; where that takes longer than a page may, what was so last.

        What was said within `newest` is new enough.
        """
        seen = self._seen
        if seen.at and not seen.trouble and datetime.now(UTC) - seen.at < newest:
            return seen
        if self._asking is None or self._asking.done():
            self._asked_at = time.monotonic()
            self._asking = asyncio.create_task(self._answer())
        await asyncio.wait({self._asking}, timeout=PATIENCE_SECONDS)
        if self._asking.done():
            self._asking.result()  # an error nobody expects goes through
            return self._seen
        waited = time.monotonic() - self._asked_at
        late = f"There is no answer about {self._what} yet, after {waited:.1f} s. Look again in a "
        trouble = f"{late}moment; `{self._command}` shows more."
        return replace(self._seen, trouble=trouble, is_late=True)

    async def _answer(self) -> None:
        # A limit of its own: a service that hangs takes no thread from the others.
        try:
            said = await to_thread.run_sync(
                self._ask, abandon_on_cancel=True, limiter=CapacityLimiter(1)
            )
            self._seen = Seen(said, datetime.now(UTC))
        except LakeproofError as error:  # says itself what to do
            self._seen = replace(self._seen, trouble=str(error))
        except UNREADABLE as error:
            trouble = f"{self._what} cannot be read: {error} `{self._command}` shows more."
            self._seen = replace(self._seen, trouble=trouble)
