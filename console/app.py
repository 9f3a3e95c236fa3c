"""The console as an application: its pages, and who may use them."""

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.access import Guard
from console.pages import answers, platform, proofs
from console.proofs import Proofs
from console.render import page
from console.sources import Sources
from jobs.errors import LakeproofError
from jobs.settings import ROOT, Settings, load_settings

ROUTES = [
    Route("/", answers.index),
    Route("/answers/{slug}", answers.answer),
    Route("/answers/{slug}/evidence", answers.evidence),
    Route("/answers/{slug}/run", proofs.start, methods=["POST"]),
    Route("/answers/{slug}/stop", proofs.stop, methods=["POST"]),
    Route("/answers/{slug}/output", proofs.output),
    Route("/rehearse", answers.rehearse),
    Route("/tour", platform.tour),
    Route("/pipeline", platform.tables),
    Route("/system", platform.system),
    Route("/unlock", proofs.unlock, methods=["POST"]),
]


def pages(slug: str) -> list[str]:
    """The path of everything that can be looked at, for one answer where there is one for each."""
    return [route.path.format(slug=slug) for route in ROUTES if "GET" in (route.methods or ())]


async def health(_: Request) -> JSONResponse:
    """The console is up."""
    return JSONResponse({"status": "ok"})


async def refused(request: Request, error: Exception) -> Response:
    """What went wrong, as a page."""
    assert isinstance(error, HTTPException)
    return page(request, "error.html", {"error": error}, error.status_code)


async def troubled(request: Request, error: Exception) -> Response:
    """What the platform cannot do at the moment, and what to do about it, as a page."""
    return page(request, "error.html", {"error": HTTPException(503, str(error))}, 503)


def application(settings: Settings) -> Starlette:
    """The console of an instance."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await app.state.proofs.stop()

    app = Starlette(
        routes=[
            *ROUTES,
            Route("/health", health),
            Mount("/static", StaticFiles(directory=ROOT / "console" / "static")),
        ],
        middleware=[
            Middleware(
                Guard, host=urlsplit(settings.console_url).netloc, token=settings.console_token
            )
        ],
        exception_handlers={HTTPException: refused, LakeproofError: troubled},
        lifespan=lifespan,
    )
    app.state.proofs, app.state.token = Proofs(), settings.console_token
    app.state.sources = Sources(settings)
    return app


def main() -> None:
    """Serve the console of the instance until the process ends."""
    settings = load_settings()
    address = urlsplit(settings.console_url)
    app = application(settings)
    uvicorn.run(app, host=address.hostname or "", port=address.port or 0, log_level="warning",
                timeout_graceful_shutdown=2)  # fmt: skip


if __name__ == "__main__":
    main()
