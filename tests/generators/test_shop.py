"""The stream of a day: the same bytes for the same arguments, all of it within the day."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import date
from itertools import islice
from typing import Any

import pytest

from generators.clock import DAY_MS, moment_ms, timestamp
from generators.messages import (
    CLICKS,
    ORDERS,
    PAYMENTS,
    SOCIAL_MENTIONS,
    TOPICS,
    Message,
)
from generators.run import Defects
from generators.shop import simulate
from tests.generators.fields import ID_FIELDS, TIME_FIELDS

DAY = date(2026, 1, 5)
NO_DEFECTS = Defects.totalling(0)
DIGEST_PROGRAM = """
import hashlib
from datetime import date
from generators.landing import files
from generators.shop import simulate
digest = hashlib.sha256()
for message in simulate(date(2026, 1, 5), 2000, 7):
    digest.update(repr(message).encode())
for file in files(date(2026, 1, 5), 7):
    digest.update(file.data)
print(digest.hexdigest())
"""


def digest_in_own_process(hash_seed: str) -> str:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", DIGEST_PROGRAM]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def parsed(messages: Iterable[Message], topic: str) -> list[dict[str, Any]]:
    return [json.loads(message.value) for message in messages if message.topic == topic]


@pytest.fixture(scope="module")
def clean_day() -> list[Message]:
    return list(simulate(DAY, 3_000, 7, NO_DEFECTS))


def test_the_same_arguments_give_the_same_bytes_in_every_process() -> None:
    assert digest_in_own_process("1") == digest_in_own_process("2")


@pytest.mark.parametrize(
    ("day", "count", "seed"), [(DAY, 100, 8), (date(2026, 1, 6), 100, 7), (DAY, 101, 7)]
)
def test_another_argument_gives_other_messages(day: date, count: int, seed: int) -> None:
    usual = {message.value for message in simulate(DAY, 100, 7, NO_DEFECTS)}
    other = {message.value for message in simulate(day, count, seed, NO_DEFECTS)}
    assert not usual & other


def test_a_day_without_orders_is_silent() -> None:
    assert list(simulate(DAY, 0, 7)) == []


def test_the_key_is_the_customer_or_the_platform_of_an_unknown_one(
    clean_day: list[Message],
) -> None:
    for message in clean_day:
        record = json.loads(message.value)
        if record["customer_id"] is None:
            assert (message.topic, message.key.decode()) == (SOCIAL_MENTIONS, record["platform"])
        else:
            assert message.key.decode() == record["customer_id"]


def test_every_event_is_within_the_day_and_in_milliseconds(clean_day: list[Message]) -> None:
    times = [record[TIME_FIELDS[topic]] for topic in TOPICS for record in parsed(clean_day, topic)]
    assert min(times) >= "2026-01-05T00:00:00.000Z"
    assert max(times) <= "2026-01-05T23:59:59.999Z"
    assert {len(time) for time in times} == {len("2026-01-05T00:00:00.000Z")}


@pytest.mark.parametrize(
    ("position", "time"),
    [(0.0, "2026-01-05T00:00:00.000Z"), (1.0, "2026-01-05T23:59:59.999Z")],
)
def test_the_first_and_the_last_moment_belong_to_the_day(position: float, time: str) -> None:
    assert timestamp("2026-01-05", moment_ms(position)) == time


def test_orders_come_in_the_order_of_their_times(clean_day: list[Message]) -> None:
    times = [order["ordered_at"] for order in parsed(clean_day, ORDERS)]
    assert times == sorted(times)
    assert times[0] < "2026-01-05T00:10" and times[-1] > "2026-01-05T23:50"


def test_the_evening_is_busier_than_the_night(clean_day: list[Message]) -> None:
    hours = Counter(order["ordered_at"][11:13] for order in parsed(clean_day, ORDERS))
    assert hours.most_common(1)[0][0] == "20"
    assert hours["20"] > 20 * hours["03"]
    assert moment_ms(0.5) > DAY_MS / 2


def test_ids_are_unique_within_a_day_and_across_days(clean_day: list[Message]) -> None:
    next_day = list(simulate(date(2026, 1, 6), 3_000, 7, NO_DEFECTS))
    for topic, id_field in ID_FIELDS.items():
        records = parsed([*clean_day, *next_day], topic)
        # A shipment reports several times under its id.
        ids = [(record[id_field], record.get("status")) for record in records]
        assert len(set(ids)) == len(ids)
    sessions = {click["session_id"] for click in parsed(clean_day, CLICKS)}
    assert not sessions & {click["session_id"] for click in parsed(next_day, CLICKS)}


def test_a_payment_pays_its_order_in_full_and_afterwards(clean_day: list[Message]) -> None:
    orders = {order["order_id"]: order for order in parsed(clean_day, ORDERS)}
    payments = parsed(clean_day, PAYMENTS)
    for payment in payments:
        order = orders[payment["order_id"]]
        assert payment["paid_at"] >= order["ordered_at"]
        assert payment["amount_cents"] == order["total_cents"]
        assert payment["currency"] == order["currency"]
        assert payment["customer_id"] == order["customer_id"]
    assert len(payments) == pytest.approx(0.92 * len(orders), rel=0.02)
    assert {payment["method"] for payment in payments} == {"card", "paypal", "transfer"}


def test_a_session_is_one_customers_way_to_the_checkout(clean_day: list[Message]) -> None:
    clicks = parsed(clean_day, CLICKS)
    sessions = defaultdict(list)
    for click in clicks:
        sessions[click["session_id"]].append(click)
        assert (click["product_id"] is None) == (click["event"] == "checkout")
    for session in sessions.values():
        times = [click["clicked_at"] for click in session]
        assert times == sorted(times)
        assert len({click["customer_id"] for click in session}) == 1
    ways = Counter(tuple(click["event"] for click in session) for session in sessions.values())
    assert set(ways) == {
        ("view",),
        ("view", "view"),
        ("checkout",),
        ("add_to_cart", "checkout"),
        ("view", "add_to_cart", "checkout"),
    }
    assert len(clicks) == pytest.approx(3 * 3_000, rel=0.03)


def test_an_order_has_one_to_five_lines_that_add_up(clean_day: list[Message]) -> None:
    orders = parsed(clean_day, ORDERS)
    for order in orders:
        numbers = [line["line_number"] for line in order["items"]]
        assert numbers == list(range(1, len(numbers) + 1))
        lines = [line["quantity"] * line["unit_price_cents"] for line in order["items"]]
        assert order["total_cents"] == sum(lines)
    assert {len(order["items"]) for order in orders} == {1, 2, 3, 4, 5}
    assert {order["currency"] for order in orders} == {"EUR", "USD", "GBP", "PLN", "SEK"}


def test_a_customer_pays_in_one_currency_on_every_day(clean_day: list[Message]) -> None:
    next_day = simulate(date(2026, 1, 6), 3_000, 7, NO_DEFECTS)
    currencies = defaultdict(set)
    for order in parsed([*clean_day, *next_day], ORDERS):
        currencies[order["customer_id"]].add(order["currency"])
    assert {len(found) for found in currencies.values()} == {1}


def test_a_few_customers_and_products_are_hot(clean_day: list[Message]) -> None:
    orders = parsed(clean_day, ORDERS)
    customers = Counter(order["customer_id"] for order in orders)
    products = Counter(line["product_id"] for order in orders for line in order["items"])
    assert customers.most_common(1)[0][0] == "c-000001"
    assert customers["c-000001"] > 0.02 * len(orders)
    assert products.most_common(1)[0][0] == "prd-001"
    assert products["prd-001"] > 0.05 * products.total()


def test_memory_does_not_grow_with_the_count() -> None:
    messages = simulate(DAY, 1_000_000, 7)
    deque(islice(messages, 1_000), maxlen=0)
    tracemalloc.start()
    deque(islice(messages, 50_000), maxlen=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
