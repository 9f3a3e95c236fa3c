"""How long the console's pages take on a busy machine."""

from typing import Any

import requests

from answers.book import load_answers
from console.app import ROUTES
from infra.bench.hogs import hogs
from infra.bench.timing import timed
from jobs.settings import Settings

TIMES = 5
ANSWER_SECONDS = 60


def measure(settings: Settings) -> dict[str, Any]:
    """The most that a page takes of several times, of all pages, beside hogs."""
    slug = next(iter(load_answers()))
    pages = [route.path.format(slug=slug) for route in ROUTES if "GET" in (route.methods or ())]
    with hogs():
        seconds = {
            page: max(timed(lambda page=page: _open(settings, page)) for _ in range(TIMES))  # type: ignore[misc]
            for page in pages
        }
    slowest = max(seconds, key=lambda page: seconds[page])
    return {"slowest_page_seconds": round(seconds[slowest], 2), "slowest_page": slowest}


def _open(settings: Settings, page: str) -> None:
    requests.get(f"{settings.console_url}{page}", timeout=ANSWER_SECONDS)
