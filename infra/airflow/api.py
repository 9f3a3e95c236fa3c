"""Requests to Airflow's REST API, asked again while its server is slow or is started again."""

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests

from infra.native.instance import load
from infra.native.signs import Signs
from jobs.errors import LakeproofError, ServiceDown
from jobs.patience import Awaited, await_progress
from jobs.settings import Settings

SERVICE = "airflow-api-server"
ANSWER_SECONDS = 20.0
LONGEST_ANSWER_SECONDS = 300.0
PAGE_ROWS = 100  # the most that Airflow gives at once
CONFLICT, NOT_FOUND, BROKEN = 409, 404, 500
RUN_ID = re.compile("/[^/]*__[^/]*")
Found = TypeVar("Found")


class Refused(LakeproofError):
    """Airflow answered that it will not do what was asked."""

    def __init__(self, url: str, asked: str, answer: requests.Response) -> None:
        super().__init__(
            f"Airflow at {url} refused {asked}: {answer.status_code} {answer.text[:300]}"
        )
        self.status = answer.status_code


class Unanswered(LakeproofError):
    """An answer did not come in time, or was that the server could not do what was asked."""


class Api:
    """A login, and what Airflow answers to it.

    An answer that does not come in time is asked for again, and twice as long is left for it: so
    whoever asks must ask for the same when it is asked twice.
    """

    def __init__(self, settings: Settings, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.url = settings.airflow_url
        self.instance = load(settings.instance)
        self._answer_seconds = answer_seconds
        self._signs = Signs(self.instance, SERVICE)
        self._session = requests.Session()
        login = {"username": settings.airflow_user, "password": settings.airflow_password}
        token = self.send("POST", "/auth/token", login)["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON; None if it has none.

        Raises: ServiceDown if nothing listens and nobody will start it; StandsStill if it does not
        answer and does nothing; Refused.
        """
        # In a list, since an answer may be nothing.
        return self.until(lambda: [self.once(method, path, body)], f"{method} {path}")[0]

    def until(self, ask: Callable[[], Found], what: str) -> Found:
        """What `ask` gives; it is called again while it is unanswered.

        Raises: ServiceDown, StandsStill, Refused.
        """
        said = f"{SERVICE} to answer {RUN_ID.sub('/...', what.partition('?')[0])}"
        awaited = Awaited(lambda: said, self._signs, self._signs.last_words)
        return await_progress(ask, awaited, not_yet=(Unanswered,))

    def once(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The same as `send`, asked for once.

        Raises: ServiceDown; Refused; Unanswered.
        """
        answer = self._ask(method, path, body)
        if answer.status_code >= BROKEN:
            raise Unanswered(f"{answer.status_code} {answer.text[:300]}")
        if not answer.ok:
            raise Refused(self.url, f"{method} {path}", answer)
        return answer.json() if answer.content else None

    def find(self, path: str) -> Any:
        """What is there; None if nothing is."""
        try:
            return self.send("GET", path)
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            return None

    def every(self, path: str, name: str) -> list[dict[str, Any]]:
        """All entries of a list, page by page."""
        found: list[dict[str, Any]] = []
        sign = "&" if "?" in path else "?"
        while True:
            page = self.send("GET", f"{path}{sign}limit={PAGE_ROWS}&offset={len(found)}")
            found += page[name]
            if not page[name] or len(found) >= page["total_entries"]:
                return found

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> requests.Response:
        began = time.monotonic()
        try:
            return self._session.request(
                method, f"{self.url}{path}", json=body, timeout=self._answer_seconds
            )
        except requests.Timeout as error:
            waited = time.monotonic() - began
            self._answer_seconds = min(2 * self._answer_seconds, LONGEST_ANSWER_SECONDS)
            raise Unanswered(f"no answer in {waited:.0f} s") from error
        except requests.RequestException as error:
            if not self._signs.is_kept(SERVICE):
                raise ServiceDown(SERVICE, self.url, type(error).__name__) from error
            raise Unanswered(f"no answer: {type(error).__name__}") from error
