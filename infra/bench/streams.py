"""How soon an order that Kafka took is readable, how fast a backlog goes down, how fast one sends.

Two counts are looked at all the time: what the broker acknowledged, and what a reader finds in
bronze and in the mart. The time between the same count on both sides is the latency of that order.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from generators.messages import Message
from generators.producer import CONFLUENT, KAFKA_PYTHON, Transport
from generators.publish import send
from generators.run import Defects, Run
from generators.shop import stream
from infra.bench.daily_revenue import DAY, orders_of
from infra.bench.timing import timed
from infra.readable import in_bronze, in_mart
from jobs.errors import LakeproofError
from jobs.namespace import namespace
from jobs.patience import await_true
from jobs.session import spark
from jobs.settings import Settings
from jobs.stream.follow import follow
from jobs.stream.query import start

NO_DEFECTS = Defects.totalling(0)
RATES = (1_000, 10_000, 30_000)
SECONDS_PER_RATE = 30
BACKLOG = 500_000
SENT = {CONFLUENT: 500_000, KAFKA_PYTHON: 20_000}
WARM_UP = 2_000
WARM_UP_SECONDS = 180
# Each look reads Delta's log, on the cores of what is measured.
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 300.0
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


def catch_up(settings: Settings) -> dict[str, Any]:
    """Records a second at which the stream takes what came while it was stopped."""
    with namespace(settings, "backlog") as own:
        with _streaming(own):
            _latencies(own, messages(WARM_UP, 99), 500, in_bronze)
        send(messages(BACKLOG, 1), "backlog", own, Transport(client=CONFLUENT))
        with _streaming(own):
            seconds = timed(lambda: _until(lambda: in_bronze(own) == WARM_UP + BACKLOG))
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
        _until(lambda: in_mart(settings) == in_bronze(settings))
        yield
    finally:
        over.set()
        thread.join()


def _latencies(
    settings: Settings, orders: list[Message], rate: int, readable: Callable[[Settings], int]
) -> dict[str, float]:
    """The median and the 99th percentile over all orders, and the rate they really came at."""
    acked: Curve = []
    before, began = readable(settings), time.monotonic()

    def produce() -> None:
        transport = Transport(rate=rate, client=CONFLUENT, linger_ms=5)
        send(orders, f"rate-{rate}", settings, transport, watch)

    def watch(count: int, _rejected: int) -> None:
        if not acked or count > acked[-1][1]:
            acked.append((time.monotonic(), count))

    thread = threading.Thread(target=produce)
    thread.start()
    found: Curve = []

    def look() -> bool:
        found.append((time.monotonic(), readable(settings) - before))
        return found[-1][1] >= len(orders)

    _until(look)
    thread.join()
    waits = between(acked, found)
    return {
        "p50_seconds": round(waits[len(waits) // 2], 2),
        "p99_seconds": round(waits[int(len(waits) * 0.99)], 2),
        "per_second": round(len(orders) / (acked[-1][0] - began)),
    }


def between(acked: Curve, found: Curve) -> list[float]:
    """The seconds from each count's acknowledgement until as many were readable, sorted."""
    counts = [count for _, count in found]
    return sorted(found[bisect_left(counts, count)][0] - at for at, count in acked)


def _until(reached: Callable[[], bool]) -> None:
    late = LakeproofError(f"orders were not readable within {PATIENCE_SECONDS:.0f} s")
    await_true(reached, PATIENCE_SECONDS, lambda _: late, LOOK_SECONDS)
