"""What goes wrong on the way: every class of defect, and how it spoils a good message."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import accumulate
from random import Random

from generators.messages import (
    CLICKS,
    DUPLICATE,
    GOOD,
    ORDERS,
    PAYMENTS,
    REFUNDS,
    REVIEWS,
    SHIPMENTS,
    SOCIAL_MENTIONS,
    Message,
)
from generators.run import Run

LATEST_REPEAT = 5_000

# A spoiler makes a bad value of a good one; the number from 0 to 1 says how badly.
Spoiler = Callable[[bytes, float], bytes]


def _truncated(value: bytes, u: float) -> bytes:
    """The first bytes only; without its last brace no object is JSON."""
    return value[: 1 + int((len(value) - 1) * u)]


def _without_first_field(value: bytes, _: float) -> bytes:
    """Every message begins with its key."""
    return b"{" + value.split(b",", 1)[1]


def _in_2099(value: bytes, _: float) -> bytes:
    return re.sub(rb'(_at":")\d{4}-\d\d-\d\d', rb"\g<1>2099-01-01", value, count=1)


def _in_no_currency(value: bytes, _: float) -> bytes:
    return re.sub(rb'"currency":"[A-Z]{3}"', b'"currency":"XXX"', value)


def _quantity_in_words(value: bytes, _: float) -> bytes:
    return re.sub(rb'"quantity":\d+', b'"quantity":"two"', value, count=1)


def _amount_as_object(value: bytes, _: float) -> bytes:
    return re.sub(rb'"amount_cents":(\d+)', rb'"amount_cents":{"value":\1}', value)


def _time_as_object(value: bytes, _: float) -> bytes:
    return re.sub(rb'_at":("[^"]+")', rb'_at":{"utc":\1}', value, count=1)


def _rating_in_words(value: bytes, _: float) -> bytes:
    return re.sub(rb'"rating":\d', b'"rating":"good"', value, count=1)


def _wrong_total(value: bytes, u: float) -> bytes:
    """A total that is up to 9.99 higher than the lines."""
    head, _, total = value.rpartition(b":")
    return b"%s:%d}" % (head, int(total[:-1]) + 1 + int(999 * u))


_COMMON: dict[str, Spoiler] = {
    "truncated_json": _truncated,
    "missing_key": _without_first_field,
    "far_future": _in_2099,
}
SPOILERS: dict[str, dict[str, Spoiler]] = {
    ORDERS: {
        **_COMMON,
        "wrong_type": _quantity_in_words,
        "total_mismatch": _wrong_total,
        "unknown_currency": _in_no_currency,
    },
    PAYMENTS: {
        **_COMMON,
        "wrong_type": _amount_as_object,
        "unknown_currency": _in_no_currency,
    },
    CLICKS: {**_COMMON, "wrong_type": _time_as_object},
    SHIPMENTS: {**_COMMON, "wrong_type": _time_as_object},
    REFUNDS: {
        **_COMMON,
        "wrong_type": _amount_as_object,
        "unknown_currency": _in_no_currency,
    },
    REVIEWS: {**_COMMON, "wrong_type": _rating_in_words},
    SOCIAL_MENTIONS: {**_COMMON, "wrong_type": _time_as_object},
}


def labels(topic: str) -> tuple[str, ...]:
    """Every class that a record of a topic can have."""
    return (GOOD, DUPLICATE, *SPOILERS[topic])


class _Lots:
    """Draws the class of a record of one topic."""

    def __init__(self, topic: str, shares: dict[str, float]) -> None:
        bad = labels(topic)[1:]
        self._limits = list(accumulate(shares[label] for label in bad))
        self._labels = (*bad, GOOD)

    def draw(self, rng: Random) -> str:
        return self._labels[bisect_right(self._limits, rng.random())]


def with_defects(messages: Iterator[Message], run: Run) -> Iterator[Message]:
    """The stream with a share of its messages spoiled, and a share sent again later.

    Draws from its own random numbers: runs that differ in defects share all other messages.
    """
    rng = Random(f"defects/{run.run_id}")
    lots = {topic: _Lots(topic, run.defects.shares()) for topic in SPOILERS}
    repeats: list[tuple[int, int, Message]] = []
    for number, message in enumerate(messages):
        while repeats and repeats[0][0] <= number:
            yield heappop(repeats)[2]
        label = lots[message.topic].draw(rng)
        if label == GOOD:
            yield message
        elif label == DUPLICATE:
            yield message
            due = number + 1 + int(LATEST_REPEAT * rng.random())
            heappush(repeats, (due, number, message._replace(label=DUPLICATE, facts=())))
        else:
            value = SPOILERS[message.topic][label](message.value, rng.random())
            yield message._replace(value=value, label=label, facts=())
    while repeats:
        yield heappop(repeats)[2]
