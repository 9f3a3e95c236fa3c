"""The catalogue and the exchange rates: functions of seed and day, readable line by line."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from generators.fx_rates import from_eur_cents, fx_rates, to_eur_cents
from generators.landing import LandingFile, files
from generators.products import products

DAY = date(2026, 1, 5)
NEXT_DAY = date(2026, 1, 6)


def landed(day: date, seed: int = 7) -> dict[str, LandingFile]:
    return {file.source: file for file in files(day, seed)}


def catalogue(day: date, seed: int = 7) -> list[dict[str, Any]]:
    return [json.loads(line) for line in landed(day, seed)["products"].data.splitlines()]


def test_keys_name_source_and_day() -> None:
    assert [(file.source, file.key) for file in files(DAY, 7)] == [
        ("products", "landing/products/2026-01-05.json"),
        ("fx_rates", "landing/fx_rates/2026-01-05.csv"),
        *(
            ("supplier_prices", f"landing/supplier_prices/2026-01-05-sup-{number}.csv")
            for number in range(1, 5)
        ),
    ]


def test_the_rates_of_a_day_are_a_csv_file() -> None:
    assert landed(DAY)["fx_rates"].data.decode() == (
        "rate_date,currency,rate_to_eur\n"
        "2026-01-05,EUR,1\n"
        "2026-01-05,USD,0.912458\n"
        "2026-01-05,GBP,1.162418\n"
        "2026-01-05,PLN,0.235098\n"
        "2026-01-05,SEK,0.088817\n"
    )


def test_rates_depend_on_day_and_seed() -> None:
    assert len({tuple(fx_rates(day, 7).values()) for day in (DAY, NEXT_DAY)}) == 2
    assert len({tuple(fx_rates(DAY, seed).values()) for seed in (7, 8)}) == 2


def test_a_rate_in_the_file_is_the_one_money_is_converted_with() -> None:
    for offset in range(200):
        day = DAY + timedelta(days=offset)
        rows = [row.decode().split(",") for row in landed(day)["fx_rates"].rows]
        in_file = {currency: Decimal(rate) for _, currency, rate in rows}
        assert in_file == {
            currency: Decimal(micros) / 1_000_000 for currency, micros in fx_rates(day, 7).items()
        }


@pytest.mark.parametrize(
    ("cents", "rate_micros", "eur_cents"),
    [
        (1, 500_000, 1),
        (3, 500_000, 2),
        (1, 499_999, 0),
        (115, 1_300_000, 150),
        (10**15, 922_514, 922_514 * 10**9),
    ],
)
def test_money_is_rounded_half_up_and_exact(cents: int, rate_micros: int, eur_cents: int) -> None:
    assert to_eur_cents(cents, rate_micros) == eur_cents


def test_a_price_in_another_currency_is_worth_the_list_price() -> None:
    assert from_eur_cents(1_000, 1_000_000) == 1_000
    assert from_eur_cents(1_000, 88_951) == 11_242
    assert from_eur_cents(1, 2_000_000) == 1


def test_the_catalogue_has_200_products_in_8_categories() -> None:
    rows = catalogue(DAY)
    assert rows[1] == {
        "product_id": "prd-002",
        "name": "Classic Atlas",
        "category": "Books",
        "list_price_cents": 599,
        "currency": "EUR",
        "updated_at": "2025-12-14T00:00:00.000Z",
    }
    assert len({row["product_id"] for row in rows}) == len({row["name"] for row in rows}) == 200
    assert len({row["category"] for row in rows}) == 8


def test_names_are_utf_8_not_escapes() -> None:
    assert "Crème Brûlée Torch".encode() in landed(DAY)["products"].data


@pytest.mark.parametrize("day", [DAY, date(2026, 3, 1), date(2028, 2, 29)])
def test_four_products_change_their_price_on_a_day_and_say_so(day: date) -> None:
    before = {row["product_id"]: row for row in catalogue(day - timedelta(days=1))}
    changed = [row for row in catalogue(day) if row != before[row["product_id"]]]
    assert len(changed) == 4
    for row in changed:
        old = before[row["product_id"]]
        assert row["list_price_cents"] != old["list_price_cents"]
        assert row["updated_at"] == f"{day}T00:00:00.000Z" > old["updated_at"]
        assert (row["name"], row["category"]) == (old["name"], old["category"])


def test_another_seed_has_other_prices_for_the_same_products() -> None:
    usual, other = products(DAY, 7), products(DAY, 8)
    assert [item.product_id for item in usual] == [item.product_id for item in other]
    assert [item.list_price_cents for item in usual] != [item.list_price_cents for item in other]
