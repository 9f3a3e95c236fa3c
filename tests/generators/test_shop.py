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
from generators.messages import CLICKS, GOOD, ORDERS, PAYMENTS, TOPICS, Message
from generators.run import Defects
from generators.shop import simulate

DAY = date(2026, 1, 5)
NO_DEFECTS = Defects.totalling(0)
TIME_FIELDS = {ORDERS: "ordered_at", PAYMENTS: "paid_at", CLICKS: "clicked_at"}
ID_FIELDS = {ORDERS: "order_id", PAYMENTS: "payment_id", CLICKS: "click_id"}
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


def test_messages_read_as_their_contract_says() -> None:
    messages = [m for m in simulate(DAY, 1, 29, NO_DEFECTS) if b"0001w" not in m.value]
    assert [(message.topic, message.value.decode()) for message in messages] == [
        (
            CLICKS,
            '{"click_id":"k-20260105-29-0000001-1","customer_id":"c-013249",'
            '"session_id":"s-20260105-29-0000001","clicked_at":"2026-01-05T04:56:16.736Z",'
            '"event":"add_to_cart","product_id":"prd-179",'
            '"url":"https://shop.example/cart/prd-179"}',
        ),
        (
            CLICKS,
            '{"click_id":"k-20260105-29-0000001-2","customer_id":"c-013249",'
            '"session_id":"s-20260105-29-0000001","clicked_at":"2026-01-05T05:01:54.659Z",'
            '"event":"checkout","product_id":null,"url":"https://shop.example/checkout"}',
        ),
        (
            ORDERS,
            '{"order_id":"o-20260105-29-0000001","customer_id":"c-013249",'
            '"ordered_at":"2026-01-05T05:07:32.582Z","currency":"USD","items":['
            '{"line_number":1,"product_id":"prd-044","quantity":1,"unit_price_cents":15686}],'
            '"total_cents":15686}',
        ),
        (
            PAYMENTS,
            '{"payment_id":"p-20260105-29-0000001","order_id":"o-20260105-29-0000001",'
            '"customer_id":"c-013249","paid_at":"2026-01-05T05:09:34.231Z","method":"card",'
            '"amount_cents":15686,"currency":"USD"}',
        ),
    ]


def test_the_key_is_the_customer(clean_day: list[Message]) -> None:
    assert all(
        json.loads(message.value)["customer_id"] == message.key.decode() for message in clean_day
    )


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
        ids = [record[id_field] for record in parsed([*clean_day, *next_day], topic)]
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


def test_labels_and_sales_go_with_good_orders_only() -> None:
    for message in simulate(DAY, 2_000, 7, Defects.totalling(0.5)):
        assert bool(message.sales) == (message.topic == ORDERS and message.label == GOOD)
