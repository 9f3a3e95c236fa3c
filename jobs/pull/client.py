"""Asking a platform: logged in, within its budget, and again where that can help."""

import json
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from jobs.errors import PullFailed, ServiceDown
from jobs.pull.api_spec import ApiPull, Envelope, at, filled
from jobs.pull.budget import Budget, Clock
from jobs.pull.paging import Question
from jobs.settings import Settings

ANSWER_SECONDS = 30
# A 429 says itself when to come back; the others are waited for twice as long each time.
PASSING = Retry(
    total=6,
    connect=1,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,  # every request only reads, also the POST
    backoff_factor=0.1,
    raise_on_status=False,
)
TRIES = 4
FIRST_PAUSE_SECONDS = 0.2


class NotUsable(PullFailed):
    """An answer that is broken or says that the platform is busy; asking again may help."""


class Client:
    """A logged-in client of one platform in the stub service's namespace.

    Raises: ServiceDown if nothing listens; PullFailed if the login is refused.
    """

    def __init__(self, pull: ApiPull, settings: Settings, clock: Clock) -> None:
        self._pull = pull
        self._clock = clock
        self._budget = Budget(pull.requests_per_minute, clock)
        self._address = settings.shop_api_url
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=PASSING))
        self._token = self._log_in(settings)
        self._secrets = {"token": self._token, "client_id": settings.s3_access_key}
        self._session.headers.update(filled(pull.headers, self._secrets))

    def first(self, settings: Settings, since: str) -> Question:
        """The request for the first page of what changed at or after an instant."""
        values = {**self._secrets, "since": since}
        path = f"{settings.namespace or 'default'}/{self._pull.platform}/{self._pull.path}"
        return Question(
            self._pull.method,
            f"{self._address}/{path}",
            filled(self._pull.query, values),
            filled(self._pull.body, values),
        )

    def answer(self, asked: Question) -> dict[str, Any]:
        """The answer to a request, which is a JSON object and no error.

        Raises: ServiceDown; PullFailed if it is refused, or still broken at the last try.
        """
        for number in range(1, TRIES):
            try:
                return self._try(asked)
            except NotUsable:
                self._clock.sleep(FIRST_PAUSE_SECONDS * 2**number)
        return self._try(asked)

    def wrong(self, asked: Question, what: str, kind: type[PullFailed] = PullFailed) -> PullFailed:
        """The error that tells what was wrong with the answer to a request, without secrets."""
        address = urlsplit(asked.url)
        said = what.replace(self._token, "***")
        return kind(
            f"{self._pull.platform}: {asked.method} {address.scheme}://{address.netloc}"
            f"{address.path}: {said}. Nothing of this pull was landed, so it can be repeated; if "
            "it stays so, ask the platform itself and compare its answer with `pull` of the spec."
        )

    def _try(self, asked: Question) -> dict[str, Any]:
        if urlsplit(asked.url).netloc != urlsplit(self._address).netloc:
            raise self.wrong(asked, "the next page is on another host, which gets no token of ours")
        self._budget.spend()
        response = self._send(asked.method, asked.url, params=asked.query, json=asked.body or None)
        if not response.ok:
            said = f"status {response.status_code}, {response.text[:200]!r}"
            is_passing = response.status_code in PASSING.status_forcelist
            raise self.wrong(
                asked,
                f"refused after {PASSING.total} retries: {said}"
                if is_passing
                else f"refused: {said}",
            )
        document = self._parsed(asked, response)
        if self._pull.envelope:
            self._open(asked, document, self._pull.envelope)
        return document

    def _parsed(self, asked: Question, response: requests.Response) -> dict[str, Any]:
        try:
            document = json.loads(response.content)
        except ValueError as error:
            begin = response.text[:60]
            raise self.wrong(
                asked, f"the page is no JSON ({error}); it begins {begin!r}", NotUsable
            ) from None
        if not isinstance(document, dict):
            raise self.wrong(
                asked, f"the page is no JSON object: {response.text[:60]!r}", NotUsable
            )
        return document

    def _open(self, asked: Question, document: dict[str, Any], envelope: Envelope) -> None:
        code = document.get(envelope.code)
        if code == envelope.good:
            return
        said = f"{envelope.code} {code}, {document.get(envelope.message)!r}"
        kind = NotUsable if code in envelope.passing else PullFailed
        raise self.wrong(asked, f"refused: {said}", kind)

    def _log_in(self, settings: Settings) -> str:
        login = {
            "grant_type": "client_credentials",
            "scope": self._pull.platform,
            "client_id": settings.s3_access_key,
            "client_secret": settings.s3_secret_key,
        }
        response = self._send("POST", f"{self._address}/oauth/token", data=login)
        if not response.ok:
            raise PullFailed(
                f"{self._pull.platform}: {self._address}/oauth/token refused the login: "
                f"{response.text[:200]}. The service runs with other keys than these settings: "
                "restart both with `make down` and `make up`."
            )
        return str(at(response.json(), "access_token"))

    def _send(self, method: str, url: str, **what: Any) -> requests.Response:
        try:
            return self._session.request(
                method, url, timeout=ANSWER_SECONDS, allow_redirects=False, **what
            )
        except requests.RequestException as error:
            raise ServiceDown("stubs", self._address, type(error).__name__) from error
