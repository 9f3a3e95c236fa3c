"""The stubs of the ad platforms and the CRM: they serve what they were handed, as the real ones do.

`/<namespace>/<platform>/...` is a platform's API and `/oauth/token` its login. Under `/_admin` the
generators hand over rows, tests ask for faults, and a namespace ends.
"""

import re
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.stubs.holdings import Holdings
from infra.stubs.login import Account
from infra.stubs.platform import Page, Platform, Unclear
from infra.stubs.platforms import PLATFORMS
from infra.stubs.traffic import Lane
from jobs.settings import load_settings

NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,60}")
Answer = Callable[[Request], Awaitable[Response]]


class Stubs:
    """The whole service over one folder."""

    def __init__(self, folder: Path, account: Account, now: Callable[[], float]) -> None:
        self._account = account
        self._now = now
        self._holdings = Holdings(folder)
        self._lanes: dict[tuple[str, str], Lane] = defaultdict(Lane)

    def routes(self) -> list[Route]:
        """Every address of the service."""
        routes = [
            Route("/health", health),
            Route("/oauth/token", self.log_in, methods=["POST"]),
            Route("/_admin/{namespace}", self.drop, methods=["DELETE"]),
            Route("/_admin/{namespace}/{platform}", self.rows, methods=["GET", "PUT"]),
            Route("/_admin/{namespace}/{platform}/faults", self.faults, methods=["PUT"]),
        ]
        for name, platform in PLATFORMS.items():
            for path in platform.paths:
                at = f"/{{namespace}}/{name}{path}"
                routes.append(Route(at, self.report(platform), methods=[platform.method]))
        return routes

    async def log_in(self, request: Request) -> Response:
        """A token for the platform that `scope` names."""
        async with request.form() as form:
            told = {key: str(value) for key, value in form.items()}
        if not self._account.is_login(told.get("client_id", ""), told.get("client_secret", "")):
            return JSONResponse({"error": "invalid_client"}, 401)
        if told.get("grant_type") != "client_credentials" or told.get("scope") not in PLATFORMS:
            return JSONResponse({"error": "invalid_request"}, 400)
        token = self._account.token(told["scope"])
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def report(self, platform: Platform) -> Answer:
        """What answers a platform's reports."""

        async def answer(request: Request) -> Response:
            namespace = request.path_params["namespace"]
            lane = self._lanes[namespace, platform.name]
            if seconds := lane.wait_seconds(self._now):
                refusal = platform.refusal(429, "too many requests")
                refusal.headers["Retry-After"] = str(seconds)
                return refusal
            if lane.hiccups():
                return platform.refusal(500, "an internal error, try again")
            if not self._account.is_token(platform.name, platform.token(request)):
                return platform.refusal(401, "the access token is missing or wrong")
            try:
                page = await self._page(request, platform, lane)
            except (Unclear, LookupError, TypeError, ValueError) as error:
                return platform.refusal(400, f"{type(error).__name__}: {error}")
            text, media_type = lane.text(platform.answer(request, page))
            return Response(text, media_type=media_type)

        return answer

    async def _page(self, request: Request, platform: Platform, lane: Lane) -> Page:
        namespace = _namespace(request)
        ask = await platform.ask(request)
        found = self._holdings.since(namespace, platform, ask.since)
        start = ask.offset
        if start and lane.takes("repeated_page"):
            start -= ask.size
        rows = found[start : start + ask.size]
        if rows and lane.takes("shrunk_page"):
            rows = rows[:-1]
        return Page(ask, rows, len(found), f"/{namespace}/{platform.name}")

    async def rows(self, request: Request) -> Response:
        """The held rows of a platform; PUT adds some first."""
        if refusal := self._stranger(request):
            return refusal
        try:
            namespace, platform = _namespace(request), PLATFORMS[request.path_params["platform"]]
            if request.method == "PUT":
                count = self._holdings.put(namespace, platform, await request.json())
                return JSONResponse({"rows": count})
        except (LookupError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
        return JSONResponse(self._holdings.since(namespace, platform, None))

    async def faults(self, request: Request) -> Response:
        """The platform's next answers are spoiled: {"fault": ..., "times": ...}."""
        if refusal := self._stranger(request):
            return refusal
        try:
            told = await request.json()
            place = (_namespace(request), PLATFORMS[request.path_params["platform"]].name)
            self._lanes[place].set_fault(told["fault"], told["times"])
        except (LookupError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
        return JSONResponse(told)

    async def drop(self, request: Request) -> Response:
        """The namespace is forgotten."""
        if refusal := self._stranger(request):
            return refusal
        try:
            self._holdings.drop(_namespace(request))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        for name in PLATFORMS:
            self._lanes.pop((request.path_params["namespace"], name), None)
        return Response(status_code=204)

    def _stranger(self, request: Request) -> Response | None:
        if self._account.is_basic(request.headers.get("authorization", "")):
            return None
        return JSONResponse({"error": "the login is missing or wrong"}, 401)


async def health(_: Request) -> JSONResponse:
    """The service is up."""
    return JSONResponse({"status": "ok"})


def _namespace(request: Request) -> str:
    """The namespace of the request, which is safe as a folder's name.

    Raises: ValueError.
    """
    name = str(request.path_params["namespace"])
    if not NAMESPACE.fullmatch(name):
        raise ValueError(f"{name!r} is no namespace")
    return name


def create_app(
    folder: Path, account: Account, now: Callable[[], float] = time.monotonic
) -> Starlette:
    """The service as an application; `now` is the clock of its limits, in seconds."""
    return Starlette(routes=Stubs(folder, account, now).routes())


def main(port: int, folder: Path) -> None:
    """Serve until a signal ends it."""
    settings = load_settings()
    app = create_app(folder, Account(settings.s3_access_key, settings.s3_secret_key))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
