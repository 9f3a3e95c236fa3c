"""What follows an order: shipments, refunds, reviews and social mentions."""

import json
import re
from collections import Counter, defaultdict
from datetime import date
from random import Random
from typing import Any

import pytest

from generators.messages import (
    ORDERS,
    PAYMENTS,
    REFUNDS,
    REVIEWS,
    SHIPMENTS,
    SOCIAL_MENTIONS,
)
from generators.reviews import card_number
from generators.run import Defects, Run
from generators.shop import stream

ORDERS_COUNT = 6_000
RUN = Run(date(2026, 1, 5), ORDERS_COUNT, 7, Defects.totalling(0))
Records = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def day() -> Records:
    """The records of a day without defects, by topic."""
    found: Records = defaultdict(list)
    for message in stream(RUN):
        found[message.topic].append(json.loads(message.value))
    return found


@pytest.fixture(scope="module")
def orders(day: Records) -> dict[str, dict[str, Any]]:
    return {order["order_id"]: order for order in day[ORDERS]}


def test_as_many_messages_come_as_are_expected(day: Records) -> None:
    sent = sum(len(records) for records in day.values())
    assert sent == pytest.approx(RUN.expected_messages, rel=0.02)


def test_only_paid_orders_are_shipped_and_refunded(day: Records) -> None:
    paid = {payment["order_id"] for payment in day[PAYMENTS]}
    shipped = {report["order_id"] for report in day[SHIPMENTS]}
    assert shipped < paid
    assert len(shipped) == pytest.approx(0.95 * len(paid), rel=0.02)
    assert {refund["order_id"] for refund in day[REFUNDS]} < paid


def test_a_shipment_reports_one_to_three_times_in_order_of_its_statuses(
    day: Records, orders: dict[str, dict[str, Any]]
) -> None:
    shipments = defaultdict(list)
    for report in day[SHIPMENTS]:
        shipments[report["shipment_id"]].append(report)
    ways = Counter()
    for reports in shipments.values():
        times = sorted(reports, key=lambda report: report["updated_at"])
        ways[tuple(report["status"] for report in times)] += 1
        assert len({report["updated_at"] for report in reports}) == len(reports)
        assert times[0]["updated_at"] > orders[reports[0]["order_id"]]["ordered_at"]
        assert len({(report["order_id"], report["carrier"]) for report in reports}) == 1
    assert set(ways) == {
        ("placed",),
        ("placed", "shipped"),
        *(("placed", "shipped", last) for last in ("in_transit", "delivered", "lost")),
    }


def test_some_reports_overtake_others(day: Records) -> None:
    shipments = defaultdict(list)
    for report in day[SHIPMENTS]:
        shipments[report["shipment_id"]].append(report["updated_at"])
    several = [times for times in shipments.values() if len(times) > 1]
    swapped = [times for times in several if times != sorted(times)]
    assert len(swapped) == pytest.approx(0.1 * len(several), rel=0.2)


def test_a_refund_pays_back_pieces_of_a_line_at_the_price_of_the_line(
    day: Records, orders: dict[str, dict[str, Any]]
) -> None:
    paid = {payment["order_id"] for payment in day[PAYMENTS]}
    lines_count = sum(len(order["items"]) for key, order in orders.items() if key in paid)
    partial = 0
    for refund in day[REFUNDS]:
        order = orders[refund["order_id"]]
        line = order["items"][refund["line_number"] - 1]
        assert refund["customer_id"] == order["customer_id"]
        assert refund["currency"] == order["currency"]
        assert refund["amount_cents"] == refund["quantity"] * line["unit_price_cents"]
        assert 1 <= refund["quantity"] <= line["quantity"]
        assert order["ordered_at"] <= refund["refunded_at"] <= "2026-01-05T23:59:59.999Z"
        partial += refund["quantity"] < line["quantity"]
    assert len(day[REFUNDS]) == pytest.approx(0.06 * lines_count, rel=0.1)
    assert partial > 0.2 * len(day[REFUNDS])
    reasons = {"damaged", "late", "wrong_item", "changed_mind"}
    assert {refund["reason"] for refund in day[REFUNDS]} == reasons


def test_a_review_is_about_the_first_product_of_an_order(
    day: Records, orders: dict[str, dict[str, Any]]
) -> None:
    for review in day[REVIEWS]:
        order = orders[review["order_id"]]
        assert review["product_id"] == order["items"][0]["product_id"]
        assert review["customer_id"] == order["customer_id"]
        assert review["reviewed_at"] >= order["ordered_at"]
    assert len(day[REVIEWS]) == pytest.approx(0.05 * ORDERS_COUNT, rel=0.15)
    assert {review["rating"] for review in day[REVIEWS]} == {1, 2, 3, 4, 5}


def test_some_reviews_hold_an_e_mail_and_some_a_card_number(day: Records) -> None:
    texts = [review["text"] for review in day[REVIEWS]]
    cards = [found[0] for text in texts if (found := re.search(r"(\d{4} ){3}\d{4}", text))]
    assert len([text for text in texts if "@" in text]) > 10
    assert len(cards) > 5
    assert all(is_luhn_valid(card) for card in cards)


def is_luhn_valid(number: str) -> bool:
    digits = [int(digit) for digit in number if digit.isdigit()][::-1]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def test_every_check_digit_is_right() -> None:
    assert is_luhn_valid("4111 1111 1111 1111") and not is_luhn_valid("4111 1111 1111 1112")
    assert all(is_luhn_valid(card_number(Random(seed))) for seed in range(200))


def test_of_some_mentions_neither_author_nor_product_is_known(day: Records) -> None:
    mentions = day[SOCIAL_MENTIONS]
    assert len(mentions) == pytest.approx(0.03 * ORDERS_COUNT, rel=0.15)
    known = Counter((m["customer_id"] is not None, m["product_id"] is not None) for m in mentions)
    assert set(known) == {(True, True), (True, False), (False, True), (False, False)}
