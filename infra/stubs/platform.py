"""What one platform's API is: how it is asked, how it answers, and how it refuses."""

import base64
import binascii
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Row = dict[str, Any]


class Unclear(Exception):
    """The request is not as the platform documents it; the text says how."""


@dataclass(frozen=True)
class Ask:
    """Which rows are wanted: those changed since, from the offset on, so many."""

    since: datetime
    offset: int
    size: int

    def following(self) -> "Ask":
        """The page after this one."""
        return replace(self, offset=self.offset + self.size)

    def to_cursor(self) -> str:
        """The ask as a text that only its maker reads."""
        told = f"{self.since.isoformat()}|{self.offset}|{self.size}"
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")

    @classmethod
    def from_cursor(cls, cursor: str) -> "Ask":
        """The ask that became the cursor.

        Raises: Unclear if it is none of ours.
        """
        try:
            told = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
            since, offset, size = told.split("|")
            return cls(datetime.fromisoformat(since), int(offset), int(size))
        except (binascii.Error, ValueError):
            raise Unclear(f"{cursor!r} is no cursor") from None


@dataclass(frozen=True)
class Page:
    """What is served: the rows from the ask's offset on, of so many in all.

    `root` is the path under which the platform of this namespace lives.
    """

    ask: Ask
    rows: list[Row]
    total: int
    root: str

    @property
    def is_last(self) -> bool:
        """Whether no page follows."""
        return self.ask.offset + self.ask.size >= self.total


class Platform(ABC):
    """One platform. `method` and `paths` are what its report is asked by."""

    name: ClassVar[str]
    method: ClassVar[str] = "GET"
    paths: ClassVar[tuple[str, ...]]

    @abstractmethod
    def key(self, row: Row) -> str:
        """What stays the same when a row is corrected."""

    @abstractmethod
    def updated_at(self, row: Row) -> datetime:
        """When the platform last changed the row."""

    @abstractmethod
    def token(self, request: Request) -> str:
        """The token the caller shows, '' if there is none."""

    @abstractmethod
    async def ask(self, request: Request) -> Ask:
        """What the caller wants.

        Raises: Unclear, ValueError or LookupError if that cannot be told.
        """

    @abstractmethod
    def answer(self, request: Request, page: Page) -> dict[str, Any]:
        """The page as the platform words it."""

    @abstractmethod
    def error(self, status: int, message: str) -> dict[str, Any] | list[Any]:
        """The platform's own error envelope."""

    def refusal(self, status: int, message: str) -> Response:
        """The response to a request that gets no rows."""
        return JSONResponse(self.error(status, message), status_code=status)


def bearer(request: Request) -> str:
    """The token of an `Authorization: Bearer` header, '' if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""
