"""Records of a platform's HTTP API, page by page, trusted only when they are whole."""

import json
import time
from collections.abc import Hashable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.errors import PullFailed
from jobs.pull import Answer, Record
from jobs.pull.api_spec import ApiPull, at, read_api_pull
from jobs.pull.budget import Clock
from jobs.pull.client import Client
from jobs.pull.paging import Question, next_question
from jobs.settings import Settings
from jobs.spec import Spec

TRIES = 3
FIRST_PAUSE_SECONDS = 0.5
# Places in the order of a platform: instants in UTC.
STAMP = "%Y%m%dT%H%M%S%fZ"
# How far a platform's clock may be ahead of ours: a later instant is a mistake, and no watermark.
AHEAD = timedelta(hours=1)
# A record that does not say when it changed stands before all others.
NEVER = "0"


class NotWhole(PullFailed):
    """Pages that do not add up; the platform may have changed between two of them."""


def pulled(spec: Spec, settings: Settings, watermark: str | None) -> Answer:
    """All records changed since an overlap before the watermark, each once.

    The watermark is the newest `updated_at` that was seen and can be true, in ISO 8601: one bad
    record does not move it past those that follow.
    Raises: ServiceDown, PullFailed, SpecError.
    """
    pull = read_api_pull(spec)
    last = datetime.fromisoformat(watermark).astimezone(UTC) if watermark else None
    since = last - timedelta(days=pull.overlap_days) if last else None
    records = fetch(pull, settings, since, time)
    latest = _stamp(datetime.now(UTC) + AHEAD)
    orders = [each.order for each in records if each.order <= latest]
    newest = max([*orders, _stamp(last) if last else NEVER])
    told = None if newest == NEVER else datetime.strptime(newest, STAMP).replace(tzinfo=UTC)
    return Answer(
        records,
        told.isoformat() if told else None,
        _stamp(since) if since else NEVER,
        lambda line: _identity(pull, json.loads(line.decode(errors="surrogatepass"))),
    )


def _stamp(moment: datetime) -> str:
    """The instant as text that sorts like it."""
    moment = moment.astimezone(UTC)
    return f"{moment.year:04d}{moment:%m%dT%H%M%S%fZ}"


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
    found: dict[Hashable, Record] = {}
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
) -> tuple[dict[Hashable, Record], int]:
    """The records of a page by identity, and how many the platform says there are in all.

    What one of them lacks is that one's fault; what all lack, the page's.
    """
    try:
        items = at(answer, pull.records)
        lacking = [error for item in items if (error := _fault(pull, item))]
        if lacking and len(lacking) == len(items):
            raise lacking[0]
        page = {_identity(pull, item): Record(_order(pull, item), _line(item)) for item in items}
        return page, int(at(answer, pull.total))
    except (LookupError, TypeError, ValueError) as error:
        what = f"the page is not as documented ({error!r}); compare it with the spec's pull"
        raise client.wrong(asked, what) from None


def _fault(pull: ApiPull, item: dict[str, Any]) -> LookupError | TypeError | None:
    """Why a record is not of the documented shape, None if it is; its values may still be wrong."""
    try:
        pull.identify(item)
        at(item, pull.updated_at)
    except (LookupError, TypeError) as error:
        return error
    return None


def _identity(pull: ApiPull, item: dict[str, Any]) -> Hashable:
    """What tells the record from others; of one that does not say, all of it."""
    if _fault(pull, item) or any(at(item, place) is None for place in pull.identity):
        return _line(item)
    return pull.identify(item)


def _order(pull: ApiPull, item: dict[str, Any]) -> str:
    """When the platform last changed a record. Silver refuses one that does not say."""
    try:
        return _stamp(pull.moment(item))
    except (LookupError, TypeError, ValueError, OverflowError):
        return NEVER


def _line(record: dict[str, Any]) -> bytes:
    """Half a surrogate pair is no text: its bytes land, and silver refuses them."""
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="surrogatepass")
