"""The truth of the marts: what an independent reader computes from the emitted bytes."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from generators import folder
from generators.marts import Mart, expected
from generators.run import Defects, Run
from jobs.specs import load_specs

DAY = date(2026, 1, 5)
RUN = Run(DAY, 2_000, 7, Defects.totalling(0.2))

ClassOf = Callable[[str, bytes], str]
Record = dict[str, Any]


@dataclass
class Shop:
    """The good records of a day as they stand in the files."""

    orders: dict[str, Record]
    clicks: list[Record]
    refunds: list[Record]
    movements: list[Record]
    rates: dict[str, Decimal]

    def cents(self, amount: int, currency: str) -> int:
        """An amount in EUR cents, halves rounded up."""
        return int((amount * self.rates[currency]).quantize(Decimal(1), ROUND_HALF_UP))

    def revenue(self, order: Record) -> int:
        """What the lines of an order bring."""
        return sum(
            self.cents(line["quantity"] * line["unit_price_cents"], order["currency"])
            for line in order["items"]
        )

    def orders_of(self, customer_id: str) -> list[Record]:
        """The customer's orders."""
        return [order for order in self.orders.values() if order["customer_id"] == customer_id]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Mart], Path]:
    path = tmp_path_factory.mktemp("run")
    return expected([folder.write(RUN, path)]), path


@pytest.fixture
def shop(written: tuple[dict[str, Mart], Path], class_of: ClassOf) -> Shop:
    _, path = written

    def good(topic: str) -> list[Record]:
        values = (path / f"{topic}.jsonl").read_bytes().splitlines()
        return [json.loads(value) for value in values if class_of(topic, value) == "good"]

    with (path / f"landing/fx_rates/{DAY}.csv").open() as file:
        rates = {row["currency"]: Decimal(row["rate_to_eur"]) for row in csv.DictReader(file)}
    orders = {order["order_id"]: order for order in good("orders")}
    booked = (path / "shop/inventory_movements.jsonl").read_text().splitlines()
    refunds = [refund for refund in good("refunds") if refund["order_id"] in orders]
    return Shop(orders, good("clicks"), refunds, [json.loads(line) for line in booked], rates)


# What the shop's database says now is compared with the database itself: test_capture.py.
OF_THE_DATABASE = {"gold.products_on_sale"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_truth_knows_every_mart_that_is_served() -> None:
    served = {spec.name for spec in load_specs().values() if spec.serve}
    assert {f"gold.{name}" for name in expected([])} == served - OF_THE_DATABASE


def test_products_and_their_refunds_equal_a_recomputation(
    written: tuple[dict[str, Mart], Path], shop: Shop
) -> None:
    totals: dict[Any, list[int]] = defaultdict(lambda: [0] * 5)
    for order in shop.orders.values():
        for product_id in {line["product_id"] for line in order["items"]}:
            totals[DAY, product_id][0] += 1
        for line in order["items"]:
            total = totals[DAY, line["product_id"]]
            total[1] += line["quantity"]
            total[2] += shop.cents(line["quantity"] * line["unit_price_cents"], order["currency"])
    for refund in shop.refunds:
        [line] = [
            line
            for line in shop.orders[refund["order_id"]]["items"]
            if line["line_number"] == refund["line_number"]
        ]
        total = totals[DAY, line["product_id"]]
        total[3] += refund["quantity"]
        total[4] += shop.cents(refund["amount_cents"], refund["currency"])
    mart = written[0]["product_performance"]
    assert {group: list(row.values()) for group, row in mart.items()} == totals


def test_customers_and_their_refunds_equal_a_recomputation(
    written: tuple[dict[str, Mart], Path], shop: Shop
) -> None:
    refunded: dict[str, int] = defaultdict(int)
    for refund in shop.refunds:
        cents = shop.cents(refund["amount_cents"], refund["currency"])
        refunded[shop.orders[refund["order_id"]]["customer_id"]] += cents
    mart = written[0]["customer_lifetime_value"]
    customers = {order["customer_id"] for order in shop.orders.values()}
    assert {customer_id for (customer_id,) in mart} == customers
    for (customer_id,), row in mart.items():
        orders = shop.orders_of(customer_id)
        revenue = sum(map(shop.revenue, orders))
        assert row == {
            "first_order_date": DAY,
            "last_order_date": DAY,
            "orders_count": len(orders),
            "revenue_eur_cents": revenue,
            "refunded_eur_cents": refunded[customer_id],
            "net_revenue_eur_cents": revenue - refunded[customer_id],
        }


def test_attribution_equals_a_recomputation(
    written: tuple[dict[str, Mart], Path], shop: Shop
) -> None:
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for order in shop.orders.values():
        touches = [
            (click["clicked_at"], click["click_id"], click["url"].partition("utm_campaign=")[2])
            for click in shop.clicks
            if click["customer_id"] == order["customer_id"]
            and "utm_campaign=" in click["url"]
            and at(click["clicked_at"]) <= at(order["ordered_at"])
        ]
        if touches:
            total = totals[max(touches)[2]]
            total[0] += 1
            total[1] += shop.revenue(order)
    mart = written[0]["campaign_performance"]
    found = {
        group[2]: [row["attributed_orders_count"], row["attributed_revenue_eur_cents"]]
        for group, row in mart.items()
    }
    assert {name: sums for name, sums in found.items() if sums[0]} == totals
    assert len(totals) > 10


def test_the_funnel_equals_a_recomputation(
    written: tuple[dict[str, Mart], Path], shop: Shop
) -> None:
    visits: dict[str, list[Record]] = defaultdict(list)
    for click in shop.clicks:
        visits[click["session_id"]].append(click)
    counts = [len(visits), 0, 0, 0, 0]
    for clicks in visits.values():
        events = {click["event"] for click in clicks}
        for number, event in enumerate(("view", "add_to_cart", "checkout"), 1):
            counts[number] += event in events
        moments = [at(click["clicked_at"]) for click in clicks]
        until = max(moments) + timedelta(minutes=30)
        counts[4] += any(
            min(moments) <= at(order["ordered_at"]) <= until
            for order in shop.orders_of(clicks[0]["customer_id"])
        )
    assert list(written[0]["conversion_funnel"][(DAY,)].values()) == counts


def test_minutes_and_hours_equal_a_recomputation(
    written: tuple[dict[str, Mart], Path], shop: Shop
) -> None:
    minutes: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for order in shop.orders.values():
        begin = at(order["ordered_at"]).replace(second=0, microsecond=0)
        takings = minutes[begin, order["currency"]]
        takings[0] += 1
        takings[1] += order["total_cents"]
    found = written[0]["revenue_per_minute"]
    assert {key: list(row.values()) for key, row in found.items()} == {
        key: [DAY, *takings] for key, takings in minutes.items()
    }
    visits: dict[Any, set[str]] = defaultdict(set)
    for click in shop.clicks:
        begin = at(click["clicked_at"]).replace(minute=0, second=0, microsecond=0)
        visits[begin, click["session_id"]].add(click["event"])
    hours: dict[Any, list[int]] = defaultdict(lambda: [0] * 4)
    for (begin, _), events in visits.items():
        for number, event in enumerate(("view", "add_to_cart", "checkout"), 1):
            hours[begin,][number] += event in events
        hours[begin,][0] += 1
    found = written[0]["funnel_per_hour"]
    assert {key: list(row.values()) for key, row in found.items()} == {
        key: [DAY, *steps] for key, steps in hours.items()
    }


def test_suspects_equal_a_recomputation(written: tuple[dict[str, Mart], Path], shop: Shop) -> None:
    suspects = {}
    for customer_id in {order["customer_id"] for order in shop.orders.values()}:
        orders = shop.orders_of(customer_id)
        moments = [at(order["ordered_at"]) for order in orders]
        most = max(
            sum(start <= moment < start + timedelta(minutes=10) for moment in moments)
            for start in moments
        )
        if most >= 3:
            suspects[customer_id, DAY] = [len(orders), most, sum(map(shop.revenue, orders))]
    mart = written[0]["fraud_candidates"]
    assert {group: list(row.values()) for group, row in mart.items()} == suspects
    assert suspects


def test_stock_equals_the_sum_of_the_booked_movements(
    written: tuple[dict[str, Mart], Path], shop: Shop
) -> None:
    units: dict[str, int] = defaultdict(int)
    for movement in shop.movements:
        units[movement["product_id"]] += movement["units"]
    mart = written[0]["inventory_position"]
    found = {group[0]: row["on_hand_units"] for group, row in mart.items() if row["on_hand_units"]}
    assert found == {product_id: number for product_id, number in units.items() if number}


def test_a_truth_file_of_20000_orders_stays_below_10_megabytes(
    written: tuple[dict[str, Mart], Path],
) -> None:
    assert (written[1] / "truth.json").stat().st_size / RUN.count < 500
