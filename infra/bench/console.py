"""How long the console's pages take on a busy machine."""

from typing import Any

import requests

from answers.book import load_answers
from console.app import pages
from infra.bench.hogs import hogs
from infra.bench.timing import timed
from jobs.errors import LakeproofError
from jobs.settings import Settings

TIMES = 5
ANSWER_SECONDS = 60
FAULTY = 500


def measure(settings: Settings) -> dict[str, Any]:
    """The most that a page takes of several times, of all pages, beside hogs.

    Raises: LakeproofError if a page fails.
    """
    slug = next(iter(load_answers()))
    with hogs():
        seconds = {
            page: max(timed(lambda page=page: _open(settings, page)) for _ in range(TIMES))  # type: ignore[misc]
            for page in pages(slug)
        }
    slowest = max(seconds, key=lambda page: seconds[page])
    return {"slowest_page_seconds": round(seconds[slowest], 2), "slowest_page": slowest}


def _open(settings: Settings, page: str) -> None:
    answer = requests.get(f"{settings.console_url}{page}", timeout=ANSWER_SECONDS)
    if answer.status_code >= FAULTY:  # 404 is right: no proof runs whose output could be shown
        raise LakeproofError(f"The console answered {answer.status_code} to {page}.")
