"""The stubs of the ad platforms and the CRM."""

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def health(_: Request) -> JSONResponse:
    """The service is up."""
    return JSONResponse({"status": "ok"})


def main(port: int, folder: Path) -> None:
    """Serve until a signal ends it."""
    app = Starlette(routes=[Route("/health", health)])
    app.state.folder = folder
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
