"""The receiver of alerts: `POST /alerts`, `GET /alerts?since=<number>`, and a page at `/`.

Alertmanager posts to `/alertmanager`, in a form of its own, and mails to the SMTP port; the mails
are listed like the alerts, at `/mails`.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from infra.alerts.mail import listening
from infra.alerts.notification import from_alertmanager
from infra.alerts.page import page
from infra.alerts.store import BadAlert, Store, checked

MAX_BODY_BYTES = 200_000
PAGE_ALERTS = 200
NO_SCRIPTS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


async def health(_: Request) -> JSONResponse:
    """The service is up."""
    return JSONResponse({"status": "ok"})


async def receive(request: Request) -> JSONResponse:
    """The kept alert with its number; 400 with the reason, 413 or 415 where none was sent."""
    return await _kept(request, checked)


async def notified(request: Request) -> JSONResponse:
    """The same for a notification of Alertmanager."""
    return await _kept(request, from_alertmanager)


async def _kept(request: Request, texts_of: Callable[[object], dict[str, str]]) -> JSONResponse:
    # A browser sends this type to a foreign address only after asking, and is never told yes.
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return _refusal(415, "send the alert as application/json")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY_BYTES:
            return _refusal(413, f"an alert has at most {MAX_BODY_BYTES} bytes")
    try:
        texts = texts_of(json.loads(data))
    except BadAlert as error:
        return _refusal(400, str(error))
    except (ValueError, RecursionError):
        return _refusal(400, "the body must be a JSON object")
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    alert = await run_in_threadpool(_store(request).add, texts, now)
    return JSONResponse(asdict(alert), status_code=201)


async def listed(request: Request) -> JSONResponse:
    """The alerts after the number `since`, oldest first; all that are kept without it."""
    return _since(request, "alerts")


async def mailed(request: Request) -> JSONResponse:
    """The same for mails."""
    return _since(request, "mails")


def _since(request: Request, what: str) -> JSONResponse:
    since = request.query_params.get("since", "0")
    if not (since.isascii() and since.isdigit()):
        return _refusal(400, f"since must be the number of an alert, not {since!r}")
    store = _store(request) if what == "alerts" else request.app.state.mails
    return JSONResponse({what: [asdict(each) for each in store.since(int(since))]})


async def front(request: Request) -> HTMLResponse:
    """The newest alerts for people."""
    newest = _store(request).since(0)[: -PAGE_ALERTS - 1 : -1]
    return HTMLResponse(page(newest), headers=NO_SCRIPTS)


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _refusal(status: int, reason: str) -> JSONResponse:
    return JSONResponse({"error": reason}, status_code=status)


def application(folder: Path, mails: Store) -> Starlette:
    """The service that keeps its alerts in the folder; mails come by another way."""
    routes = [
        Route("/", front),
        Route("/health", health),
        Route("/alerts", listed),
        Route("/alerts", receive, methods=["POST"]),
        Route("/alertmanager", notified, methods=["POST"]),
        Route("/mails", mailed),
    ]
    app = Starlette(routes=routes)
    app.state.store, app.state.mails = Store(folder), mails
    return app


def main(port: int, smtp_port: int, folder: Path) -> None:
    """Serve until a signal ends it."""
    smtp, mails = listening(smtp_port, folder / "mails")
    smtp.start()
    try:
        uvicorn.run(application(folder, mails), host="127.0.0.1", port=port, log_level="warning")
    finally:
        smtp.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
