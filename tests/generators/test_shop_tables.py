"""The shop's database as functions of seed and day: how it opens, and what a day changes."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from generators.people import PLACES
from generators.products import products
from generators.shop_tables import Change, after_first_day, changes, midnight, opening

DAY = date(2026, 1, 5)
NEXT_DAY = date(2026, 1, 6)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def opened() -> dict[str, list[Row]]:
    return opening(DAY, 7)


@pytest.fixture(scope="module")
def changed() -> list[Change]:
    return changes(DAY, 7)


def by_key(rows: list[Row], key: str) -> dict[str, Row]:
    found = {row[key]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_the_shop_opens_with_20000_customers_and_an_address_for_each(
    opened: dict[str, list[Row]],
) -> None:
    customers = by_key(opened["customers"], "customer_id")
    addresses = by_key(opened["addresses"], "customer_id")
    assert list(customers) == list(addresses) == [f"c-{n:06d}" for n in range(1, 20_001)]
    assert len(by_key(opened["customers"], "email")) == 20_000
    for customer in opened["customers"]:
        assert customer["created_at"] == customer["updated_at"] < midnight(DAY)
    segments = Counter(customer["segment"] for customer in opened["customers"])
    assert segments["consumer"] > segments["business"] > segments["vip"] > 0
    assert any(customer["phone"] is None for customer in opened["customers"])


def test_who_pays_in_pounds_lives_in_britain(opened: dict[str, list[Row]]) -> None:
    from generators.customers import currencies

    paid_in = dict(zip((r["customer_id"] for r in opened["customers"]), currencies(7), strict=True))
    for address in opened["addresses"]:
        places = PLACES[paid_in[address["customer_id"]]]
        assert (address["country"], address["city"]) in places


def test_the_database_and_the_catalogue_file_agree_on_every_price() -> None:
    for day, tables in ((DAY, after_first_day(DAY, 7)), (NEXT_DAY, after_first_day(NEXT_DAY, 8))):
        in_file = products(day, 7 if day == DAY else 8)
        assert tables["products"] == [
            {
                "product_id": product.product_id,
                "name": product.name,
                "category": product.category,
                "list_price_cents": product.list_price_cents,
                "currency": "EUR",
                "updated_at": midnight(product.updated_on),
            }
            for product in in_file
        ]


def test_a_price_changes_at_midnight_and_the_shop_opens_with_the_one_before(
    opened: dict[str, list[Row]], changed: list[Change]
) -> None:
    before = by_key(opened["products"], "product_id")
    prices = [change for change in changed if change.table == "products"]
    assert len(prices) == 4
    for change in prices:
        assert change.moment == change.values["updated_at"] == midnight(DAY)
        assert before[change.key]["list_price_cents"] != change.values["list_price_cents"]
        assert before[change.key]["updated_at"] < midnight(DAY)


def test_a_day_changes_moves_deletes_and_adds_customers(changed: list[Change]) -> None:
    kinds = Counter((change.table, change.kind) for change in changed)
    assert kinds == {
        ("customers", "update"): 100,
        ("customers", "insert"): 8,
        ("customers", "delete"): 5,
        ("addresses", "update"): 30,
        ("addresses", "insert"): 8,
        ("products", "update"): 4,
        ("inventory", "update"): 2,
    }
    columns = Counter(
        column
        for change in changed
        if (change.table, change.kind) == ("customers", "update")
        for column in change.values
    )
    assert set(columns) == {"segment", "phone", "email", "updated_at"}


def test_changes_are_in_order_within_their_day_and_each_row_changes_once(
    changed: list[Change],
) -> None:
    moments = [change.moment for change in changed]
    assert moments == sorted(moments)
    assert midnight(DAY) <= moments[0] <= moments[-1] < midnight(NEXT_DAY)
    assert len({(change.table, change.key) for change in changed}) == len(changed)
    assert {change.moment.tzinfo for change in changed} == {UTC}


def test_a_new_customer_has_an_id_nobody_had_and_his_address_in_the_same_instant() -> None:
    first, second = (
        {change.key: change for change in changes(day, 7) if change.kind == "insert"}
        for day in (DAY, NEXT_DAY)
    )
    assert not first.keys() & second.keys()
    for change in first.values():
        if change.table == "addresses":
            assert first[change.values["customer_id"]].moment == change.moment


def test_changes_depend_on_day_and_seed_only(changed: list[Change]) -> None:
    assert changes(DAY, 7) == changed
    assert changes(DAY, 8) != changed
    assert changes(NEXT_DAY, 7) != changed


def test_who_is_deleted_takes_his_address_along(changed: list[Change]) -> None:
    gone = {change.key for change in changed if change.kind == "delete"}
    tables = after_first_day(DAY, 7)
    customers = {row["customer_id"] for row in tables["customers"]}
    assert len(customers) == 20_000 + 8 - 5
    assert not gone & customers
    assert {row["customer_id"] for row in tables["addresses"]} == customers


def test_a_day_starts_at_midnight_utc() -> None:
    assert midnight(DAY) == datetime(2026, 1, 5, tzinfo=UTC)
    assert midnight(NEXT_DAY) - midnight(DAY) == timedelta(days=1)
