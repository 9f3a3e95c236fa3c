"""Records of a platform's HTTP API, page by page, trusted only when they are whole."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jobs.errors import PullFailed
from jobs.pull import Record
from jobs.pull.api_spec import ApiPull, at, read_api_pull
from jobs.pull.budget import Clock
from jobs.pull.client import Client
from jobs.pull.paging import Question, next_question
from jobs.settings import Settings
from jobs.spec import Spec

TRIES = 3
FIRST_PAUSE_SECONDS = 0.5


class NotWhole(PullFailed):
    """Pages that do not add up; the platform may have changed between two of them."""


def records(spec: Spec, settings: Settings, since: datetime | None) -> list[Record]:
    """All records changed at or after an instant, each once.

    Raises: ServiceDown, PullFailed, SpecError.
    """
    return fetch(read_api_pull(spec), settings, since, time)


def fetch(pull: ApiPull, settings: Settings, since: datetime | None, clock: Clock) -> list[Record]:
    """The same by a clock. Pages that do not add up are asked for again from the first one.

    Raises: ServiceDown, PullFailed, SpecError.
    """
    client = Client(pull, settings, clock)
    first = client.first(settings, pull.since(since))
    for number in range(1, TRIES):
        try:
            return _all(pull, client, first)
        except NotWhole:
            clock.sleep(FIRST_PAUSE_SECONDS * 2**number)
    return _all(pull, client, first)


def _all(pull: ApiPull, client: Client, first: Question) -> list[Record]:
    """The records of all pages, which are as many as every page says there are.

    A record that changes between two pages moves to the end, and its successors move up: one of
    them would be missed, although the count is right. The same identity twice gives that away.
    """
    found: dict[str, Record] = {}
    total = None
    for number, (asked, answer) in enumerate(_pages(pull, client, first), 1):
        page, said = _read(pull, client, asked, answer)
        if total is not None and said != total:
            raise client.wrong(
                asked, f"page {number} says {said} records in all, page 1 said {total}", NotWhole
            )
        total = said
        if repeated := len(found.keys() & page.keys()):
            what = f"page {number} repeats {repeated} of its records from pages before"
            raise client.wrong(asked, what, NotWhole)
        if number > 1 and not page:
            raise client.wrong(asked, f"page {number} was announced and is empty", NotWhole)
        found |= page
    if len(found) != total:
        what = f"{total} records were promised, all pages together hold {len(found)}"
        raise client.wrong(first, what, NotWhole)
    return list(found.values())


def _pages(
    pull: ApiPull, client: Client, first: Question
) -> Iterator[tuple[Question, dict[str, Any]]]:
    following: Question | None = first
    while following:
        asked = following
        answer = client.answer(asked)
        yield asked, answer
        try:
            following = next_question(asked, answer, pull.paging)
        except (LookupError, TypeError, ValueError) as error:
            raise client.wrong(asked, f"the page does not say what follows ({error!r})") from None


def _read(
    pull: ApiPull, client: Client, asked: Question, answer: dict[str, Any]
) -> tuple[dict[str, Record], int]:
    """The records of a page by identity, and how many the platform says there are in all."""
    try:
        page = {
            pull.identify(item): Record(pull.moment(item), _line(item))
            for item in at(answer, pull.records)
        }
        return page, int(at(answer, pull.total))
    except (LookupError, TypeError, ValueError) as error:
        what = f"the page is not as documented ({error!r}); compare it with the spec's pull"
        raise client.wrong(asked, what) from None


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
