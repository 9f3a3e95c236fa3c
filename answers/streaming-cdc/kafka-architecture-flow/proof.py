"""A thousand orders through a topic of four partitions, hop by hop, to two services."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from random import Random
from statistics import quantiles
from typing import Any

import pytest
from kafka import TopicPartition

from answers.evidence import Evidence, more_than
from answers.labs.kafka import create_topic, member, producer, read_all, send, take
from jobs.settings import Settings

PARTITIONS = 4
ORDERS = 1_000
CUSTOMERS = 50
FRAUDS = 17
LIMIT_CENTS = 100_000  # what a stolen card pays for is above, what customers order below
RATE_PER_SECOND = 500
SEED = 7


@dataclass(frozen=True)
class Journey:
    """What became of the orders: where each stands, and when the fraud service had it."""

    topic: str
    orders: list[dict[str, Any]]
    placed: list[Any]
    checked: list[Any]
    delays_ms: list[float]
    committed: dict[int, int]


def new_orders() -> list[dict[str, Any]]:
    """Orders of some customers, a few of them for far too much."""
    rng = Random(SEED)
    frauds = set(rng.sample(range(ORDERS), FRAUDS))
    return [
        {
            "event": "new order placed",
            "order_id": f"o-{number}",
            "customer_id": f"c-{rng.randrange(CUSTOMERS)}",
            "total_cents": rng.randrange(500, LIMIT_CENTS) + LIMIT_CENTS * (number in frauds),
        }
        for number in range(ORDERS)
    ]


def message(order: dict[str, Any]) -> tuple[bytes, bytes]:
    return order["customer_id"].encode(), json.dumps(order).encode()


def is_fraud(value: bytes) -> bool:
    return bool(json.loads(value)["total_cents"] >= LIMIT_CENTS)


def publish(settings: Settings, topic: str, orders: list[dict[str, Any]]) -> list[Any]:
    """Where each order stands; they are sent at a steady rate, as a shop's would come."""
    with closing(producer(settings)) as client:
        pace, futures = threading.Event(), []
        for order in orders:
            key, value = message(order)
            futures.append(client.send(topic, value, key))
            pace.wait(1 / RATE_PER_SECOND)
        return [future.get(timeout=30) for future in futures]


@pytest.fixture(scope="module")
def journey(settings: Settings) -> Iterator[Journey]:
    """The fraud service waits at the topic while the shop publishes."""
    topic, orders = create_topic(settings, "orders_placed", PARTITIONS), new_orders()
    placed: list[Any] = []
    with closing(member(settings, topic, "fraud", fetch_max_wait_ms=20)) as service:
        service.poll(timeout_ms=0)
        shop = threading.Thread(target=lambda: placed.extend(publish(settings, topic, orders)))
        shop.start()
        checked, delays_ms = [], []
        for _ in range(ORDERS):
            [record] = take(service, 1)
            checked.append(record)
            delays_ms.append(time.time() * 1000 - record.timestamp)
        shop.join()
        service.commit()
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        committed = {place.partition: service.committed(place) or 0 for place in places}
    yield Journey(topic, orders, placed, checked, delays_ms, committed)


def test_a_topic_is_split_into_lanes_each_a_log_with_offsets_of_its_own(
    evidence: Evidence, journey: Journey, settings: Settings
) -> None:
    lanes: dict[int, list[int]] = defaultdict(list)
    for record in read_all(settings, journey.topic):
        lanes[record.partition].append(record.offset)
    assert all(offsets == list(range(len(offsets))) for offsets in lanes.values())
    evidence("partitions that hold orders", len(lanes), PARTITIONS, "partitions")
    evidence("orders in all partitions", sum(map(len, lanes.values())), ORDERS, "orders")
    rows = [(f"P{n}", len(lanes[n]), lanes[n][0], lanes[n][-1]) for n in sorted(lanes)]
    evidence.table("the partitions", ("lane", "messages", "first offset", "last offset"), rows)
    evidence.series("orders in each partition", {lane: count for lane, count, *_ in rows}, "orders")


def test_a_message_goes_from_producer_to_partition_to_consumer_to_committed_offset(
    evidence: Evidence, journey: Journey
) -> None:
    order, place = journey.orders[0], journey.placed[0]
    [got] = [r for r in journey.checked if (r.partition, r.offset) == (place.partition, 0)]
    committed = journey.committed[place.partition]
    hops = [
        ("producer", f"sends {order['order_id']} with the key {order['customer_id']}"),
        ("broker", f"appends it to partition {place.partition} at offset {place.offset}"),
        ("topic", "keeps it there, whoever reads it"),
        ("consumer", f"of the group fraud polls it: {json.loads(got.value)['event']}"),
        ("group", f"commits offset {committed} of partition {place.partition}: where to go on"),
    ]
    evidence.table("the hops of the first order", ("hop", "what happens"), hops)
    assert place.offset == 0 and got.value == message(order)[1]
    sent = zip(journey.placed, journey.orders, strict=True)
    there = {(at.partition, at.offset): message(order) for at, order in sent}
    arrived = {(r.partition, r.offset): (r.key, r.value) for r in journey.checked}
    evidence("orders that arrived as they were sent", len(arrived), ORDERS, "orders")
    assert arrived == there
    evidence("sum of the committed offsets", sum(journey.committed.values()), ORDERS)
    cuts = quantiles(journey.delays_ms, n=100)
    evidence("half of the orders were there within", cuts[49], unit="ms")
    evidence("ninety-five of a hundred within", cuts[94], unit="ms")


def test_a_key_always_goes_to_the_same_lane(evidence: Evidence, journey: Journey) -> None:
    lanes: dict[bytes, set[int]] = defaultdict(set)
    for record in journey.checked:
        lanes[record.key].add(record.partition)
    stayed = sum(len(found) == 1 for found in lanes.values())
    evidence("customers", len(lanes), CUSTOMERS, "customers")
    evidence("customers with one partition", 100 * stayed / len(lanes), 100.0, "%")


def test_a_fraud_service_finds_every_bad_order_by_reading_the_topic_alone(
    evidence: Evidence, journey: Journey
) -> None:
    found = {json.loads(r.value)["order_id"] for r in journey.checked if is_fraud(r.value)}
    injected = {o["order_id"] for o in journey.orders if is_fraud(message(o)[1])}
    evidence("frauds put in", len(injected), FRAUDS, "orders")
    evidence("frauds found", len(found & injected), FRAUDS, "orders")
    evidence("false alarms", len(found - injected), 0, "false alarms")


def test_as_a_data_bus_it_serves_a_second_system_that_nobody_told_the_producer_of(
    evidence: Evidence, journey: Journey, settings: Settings
) -> None:
    with closing(member(settings, journey.topic, "mailing")) as mailing:
        mailed = take(mailing, ORDERS)
    evidence("orders the second system has", len(mailed), ORDERS, "orders")
    assert sorted(r.value for r in mailed) == sorted(r.value for r in journey.checked)


@pytest.mark.control
def test_without_a_key_the_orders_of_a_customer_are_scattered_over_the_lanes(
    evidence: Evidence, journey: Journey, settings: Settings
) -> None:
    topic = create_topic(settings, "orders_without_key", PARTITIONS)
    for start in range(0, ORDERS, ORDERS // 10):  # as ten processes of the shop would send them
        part = journey.orders[start : start + ORDERS // 10]
        send(settings, topic, [(None, message(order)[1]) for order in part])
    lanes: dict[str, set[int]] = defaultdict(set)
    for record in read_all(settings, topic):
        lanes[json.loads(record.value)["customer_id"]].add(record.partition)
    scattered = sum(len(found) > 1 for found in lanes.values())
    evidence("customers scattered without a key", scattered, more_than(0), "customers")
