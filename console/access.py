"""Who may do what: everybody on this machine reads, whoever has the token runs proofs."""

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "lakeproof_token"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
READS = ("GET", "HEAD")


class Guard:
    """Refuses requests that come from another site, under another host's name or without token.

    The host's name is checked because a foreign site may give its name our address.
    """

    def __init__(self, app: ASGIApp, host: str, token: str) -> None:
        self._app, self._host, self._token = app, host, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer of the application behind, or a refusal with its reason."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = Request(scope)
        scope.setdefault("state", {})["is_unlocked"] = self._has_token(request)
        if reason := self._refusal(request):
            return await PlainTextResponse(reason, 403, HEADERS)(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)

    def _refusal(self, request: Request) -> str:
        port = self._host.rpartition(":")[2]
        if request.headers.get("host") not in (self._host, f"localhost:{port}"):
            return f"This console answers at http://{self._host} only.\n"
        if request.method in READS:
            return ""
        origin = request.headers.get("origin")
        if origin and urlsplit(origin).netloc != request.headers["host"]:
            return f"{origin} may not ask this console to do anything.\n"
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "Another site may not ask this console to do anything.\n"
        if request.url.path != "/unlock" and not request.state.is_unlocked:
            return "Actions need the token: unlock the console with CONSOLE_TOKEN of .env.\n"
        return ""

    def _has_token(self, request: Request) -> bool:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return any(
            is_right(self._token, given) for given in (request.cookies.get(COOKIE, ""), bearer)
        )


def is_right(token: str, given: str) -> bool:
    """Whether what was given is the token; the time it takes tells nothing."""
    return hmac.compare_digest(token.encode(), given.encode())
