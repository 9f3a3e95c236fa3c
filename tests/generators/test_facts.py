"""Facts: what the bytes of the good messages say, and nothing for any other."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from generators.facts import Clicked, Fact, OrderPlaced, Refunded, Sale
from generators.landing import files
from generators.messages import CLICKS, GOOD, ORDERS, REFUNDS, Message
from generators.run import Defects
from generators.shop import simulate

DAY = date(2026, 1, 5)
WITH_FACTS = {ORDERS, CLICKS, REFUNDS}


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return list(simulate(DAY, 3_000, 7, Defects.totalling(0.3)))


def day_files() -> dict[str, list[str]]:
    return {file.source: [row.decode() for row in file.rows] for file in files(DAY, 7)}


RATES = {
    currency: Decimal(rate)
    for _, currency, rate in (row.split(",") for row in day_files()["fx_rates"])
}
CATALOGUE = {row["product_id"]: row for row in map(json.loads, day_files()["products"])}


def eur_cents(cents: int, currency: str) -> int:
    return int((cents * RATES[currency]).quantize(Decimal(1), ROUND_HALF_UP))


def of_day_ms(time: str) -> int:
    moment = datetime.fromisoformat(time)
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    return seconds * 1000 + moment.microsecond // 1000


def order_facts(order: dict[str, Any]) -> Iterator[Fact]:
    order_id, currency = order["order_id"], order["currency"]
    ordered_ms = of_day_ms(order["ordered_at"])
    yield OrderPlaced(order_id, order["customer_id"], ordered_ms, currency, order["total_cents"])
    for line in order["items"]:
        product_id, quantity = line["product_id"], line["quantity"]
        revenue = eur_cents(quantity * line["unit_price_cents"], currency)
        category = CATALOGUE[product_id]["category"]
        yield Sale(order_id, line["line_number"], product_id, category, quantity, revenue)


def click_facts(click: dict[str, Any]) -> Iterator[Fact]:
    named = parse_qs(urlsplit(click["url"]).query).get("utm_campaign", [""])
    ids = (click["click_id"], click["session_id"], click["customer_id"])
    yield Clicked(*ids, of_day_ms(click["clicked_at"]), click["event"], named[0])


def test_the_facts_of_a_good_message_are_what_its_bytes_say(messages: list[Message]) -> None:
    orders = {}
    seen = set()
    for message in messages:
        record = json.loads(message.value) if message.label == GOOD else {}
        if message.topic == ORDERS and record:
            orders[record["order_id"]] = record
            assert list(message.facts) == list(order_facts(record))
        elif message.topic == CLICKS and record:
            assert list(message.facts) == list(click_facts(record))
        elif message.topic == REFUNDS and record and record["order_id"] in orders:
            line = orders[record["order_id"]]["items"][record["line_number"] - 1]
            amount = eur_cents(record["amount_cents"], record["currency"])
            key = (record["order_id"], record["line_number"], record["quantity"])
            assert message.facts == (Refunded(*key, amount, line["product_id"]),)
        else:
            continue
        seen.add(message.topic)
    assert seen == WITH_FACTS


def test_spoiled_and_repeated_messages_have_no_facts(messages: list[Message]) -> None:
    for message in messages:
        has_facts = message.label == GOOD and message.topic in WITH_FACTS
        assert bool(message.facts) == has_facts


def test_two_of_five_sessions_come_from_an_ad_that_only_their_first_click_names() -> None:
    sessions: dict[str, list[str]] = {}
    for message in simulate(DAY, 6_000, 7, Defects.totalling(0)):
        for fact in message.facts:
            if isinstance(fact, Clicked):
                sessions.setdefault(fact.session_id, []).append(fact.campaign_id)
    advertised = [campaigns for campaigns in sessions.values() if campaigns[0]]
    assert len(advertised) == pytest.approx(0.4 * len(sessions), rel=0.05)
    assert not any(campaign for campaigns in sessions.values() for campaign in campaigns[1:])
    platforms = ("google", "meta", "tiktok", "linkedin", "x")
    everywhere = {f"cmp-{platform}-{number}" for platform in platforms for number in (1, 2, 3)}
    assert {campaigns[0] for campaigns in advertised} == everywhere


def test_the_address_of_an_ad_names_platform_and_campaign() -> None:
    urls = [
        json.loads(message.value)["url"]
        for message in simulate(DAY, 300, 7, Defects.totalling(0))
        if b"utm_" in message.value
    ]
    for url in urls:
        query = parse_qs(urlsplit(url).query, strict_parsing=True)
        [source], [campaign] = query["utm_source"], query["utm_campaign"]
        assert campaign.startswith(f"cmp-{source}-")
    assert urls
