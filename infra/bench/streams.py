"""How soon an order that Kafka took is readable, how fast a backlog goes down, how fast one sends.

Two counts are looked at all the time: what the broker acknowledged, and what a reader finds in
bronze and in the mart. The time between the same count on both sides is the latency of that order.
"""

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle, groupby, islice
from statistics import median
from typing import Any

from generators.messages import Message
from generators.producer import CONFLUENT, KAFKA_PYTHON, Transport
from generators.publish import send
from generators.run import Defects, Run
from generators.shop import stream
from infra.bench.daily_revenue import DAY, orders_of
from infra.bench.timing import timed
from infra.native.instance import load
from infra.native.signs import Signs
from infra.readable import in_bronze, in_mart
from jobs.namespace import namespace
from jobs.patience import Awaited, await_progress
from jobs.session import spark
from jobs.settings import Settings
from jobs.stream.follow import follow
from jobs.stream.query import start

NO_DEFECTS = Defects.totalling(0)
RATES = (1_000, 10_000, 30_000)
SECONDS_PER_RATE = 30
HELD_SECONDS = 600
DIFFERENT_ORDERS = 300_000
BACKLOG = 3_600_000  # an hour's, at a thousand a second
SENT = {CONFLUENT: 500_000, KAFKA_PYTHON: 20_000}
WARM_UP = 2_000
WARM_UP_SECONDS = 180
# Each look reads Delta's log, on the cores of what is measured.
LOOK_SECONDS = 0.1
Curve = list[tuple[float, int]]


def messages(count: int, seed: int) -> list[Message]:
    """Good orders, made beforehand: a bench of the stream shall not measure the generator."""
    return list(islice(orders_of(stream(Run(DAY, count, seed, NO_DEFECTS))), count))


def freshness(settings: Settings) -> dict[str, Any]:
    """Seconds from the broker's word until an order is readable, by rate: in bronze alone.

    At the lowest rate first on a server that still compiles, and last, on a day of its own, with
    the marts following, then in the mart.
    """
    found: dict[str, Any] = {}
    with namespace(settings, "fresh") as own, _streaming(own):
        orders = messages(RATES[0] * SECONDS_PER_RATE, 2)
        found["first"] = _latencies(own, orders, RATES[0], in_bronze)
        _latencies(own, messages(RATES[0] * WARM_UP_SECONDS, 99), RATES[0], in_bronze)
        for rate in RATES:
            orders = messages(rate * SECONDS_PER_RATE, rate)
            found[f"bronze_{rate}"] = _latencies(own, orders, rate, in_bronze)
    with namespace(settings, "fresh") as own, _streaming(own), _following(own):
        _latencies(own, messages(RATES[0] * 60, 99), RATES[0], in_mart)
        found["mart"] = _latencies(own, messages(RATES[0] * 60, 1), RATES[0], in_mart)
    return {
        f"{place}_{name}": value
        for place, figures in found.items()
        for name, value in figures.items()
    }


def held(settings: Settings) -> dict[str, Any]:
    """How far bronze is behind a high rate, by the minute: if it grows, the rate is not held.

    RATE sets another rate. The same orders come again and again; bronze takes each as a record of
    its own.
    """
    rate = int(os.environ.get("RATE") or RATES[-1])
    count = rate * HELD_SECONDS
    with namespace(settings, "held") as own, _streaming(own):
        _latencies(own, messages(RATES[0] * 60, 99), RATES[0], in_bronze)
        orders = islice(cycle(messages(DIFFERENT_ORDERS, rate)), count)
        acked, found, per_second = _curves(own, orders, count, rate, in_bronze)
    behind = by_minute(between(acked, found))[: HELD_SECONDS // 60]
    return {
        "per_second": per_second,
        "behind_seconds": behind,
        "second_minute_seconds": behind[1],
        "last_minute_seconds": behind[-1],
    }


def catch_up(settings: Settings) -> dict[str, Any]:
    """Records a second at which the stream, started again, takes what came meanwhile."""
    with namespace(settings, "backlog") as own:
        with _streaming(own):
            _latencies(own, messages(WARM_UP, 99), 500, in_bronze)
        waiting = islice(cycle(messages(DIFFERENT_ORDERS, 1)), BACKLOG)
        send(waiting, "backlog", own, Transport(client=CONFLUENT))
        with _streaming(own):
            due = WARM_UP + BACKLOG
            seconds = timed(lambda: _until(own, lambda: in_bronze(own), due))
    return {"records": BACKLOG, "records_per_second": round(BACKLOG / seconds)}


def producers(settings: Settings) -> dict[str, Any]:
    """Messages a second of one process that keeps the ledger, idempotent, acks=all; by client."""
    return {
        f"{client.replace('-', '_')}_per_second": round(count / _sending(client, count, settings))
        for client, count in SENT.items()
    }


def _sending(client: str, count: int, settings: Settings) -> float:
    made, transport = messages(count, 1), Transport(client=client)
    with namespace(settings, "producer") as own:
        return timed(lambda: send(made, "bench", own, transport).require_all_acked())


@contextmanager
def _streaming(settings: Settings) -> Iterator[None]:
    query = start(spark(settings), settings)
    try:
        yield
    finally:
        query.stop()


@contextmanager
def _following(settings: Settings) -> Iterator[None]:
    over = threading.Event()

    def passes() -> None:
        while not over.is_set():
            list(follow(settings))

    thread = threading.Thread(target=passes)
    thread.start()
    try:
        _until(settings, lambda: in_mart(settings) - in_bronze(settings), 0)
        yield
    finally:
        over.set()
        thread.join()


def _latencies(
    settings: Settings, orders: list[Message], rate: int, readable: Callable[[Settings], int]
) -> dict[str, float]:
    """The median and the 99th percentile over all orders, and the rate they really came at."""
    acked, found, per_second = _curves(settings, orders, len(orders), rate, readable)
    waits = sorted(seconds for _, seconds in between(acked, found))
    return {
        "p50_seconds": round(waits[len(waits) // 2], 2),
        "p99_seconds": round(waits[int(len(waits) * 0.99)], 2),
        "per_second": per_second,
    }


def _curves(
    settings: Settings,
    orders: Iterable[Message],
    count: int,
    rate: int,
    readable: Callable[[Settings], int],
) -> tuple[Curve, Curve, int]:
    """How many of so many orders were acknowledged and readable when, and the rate they came at."""
    acked: Curve = []
    before, began = readable(settings), time.monotonic()

    def produce() -> None:
        transport = Transport(rate=rate, client=CONFLUENT, linger_ms=5)
        send(orders, f"rate-{rate}", settings, transport, watch)

    def watch(acked_count: int, _rejected_count: int) -> None:
        if not acked or acked_count > acked[-1][1]:
            acked.append((time.monotonic(), acked_count))

    thread = threading.Thread(target=produce)
    thread.start()
    found: Curve = []

    def look() -> int:
        found.append((time.monotonic(), readable(settings) - before))
        return found[-1][1]

    _until(settings, look, count)
    thread.join()
    return acked, found, round(count / (acked[-1][0] - began))


def between(acked: Curve, found: Curve) -> list[tuple[float, float]]:
    """When each count was acknowledged, and the seconds from then until as many were readable."""
    counts = [count for _, count in found]
    return [(at, found[bisect_left(counts, count)][0] - at) for at, count in acked]


def by_minute(waits: list[tuple[float, float]]) -> list[float]:
    """The median wait of the orders acknowledged in each minute since the first."""
    first = waits[0][0]
    minutes = groupby(waits, lambda wait: int((wait[0] - first) // 60))
    return [round(median(seconds for _, seconds in some), 2) for _, some in minutes]


def _until(settings: Settings, read: Callable[[], int], due: int) -> None:
    """Nothing, once as much is read as is due, however long that takes while it becomes more."""
    count = 0

    def look() -> bool:
        nonlocal count
        count = read()
        return count >= due

    services = Signs(load(settings.instance), "spark")

    def signs() -> Iterator[str]:
        yield from services()
        yield f"{count:,} of {due:,}"

    awaited = Awaited(lambda: "orders to be readable", signs, services.last_words)
    await_progress(look, awaited, (LOOK_SECONDS, LOOK_SECONDS))
