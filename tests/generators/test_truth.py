"""The truth: what an independent reader computes from the emitted bytes, to the cent."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from generators import folder
from generators.landing import files
from generators.messages import TOPICS
from generators.run import Defects, Run
from generators.truth import CategorySales, Truth, tally_of
from jobs.errors import LakeproofError

DAY = date(2026, 1, 5)
RUN = Run(DAY, 2_000, 7, Defects.totalling(0.2))

ClassOf = Callable[[str, bytes], str]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, Path]:
    path = tmp_path_factory.mktemp("run")
    return folder.write(RUN, path), path


def lines(path: Path, topic: str) -> list[bytes]:
    return (path / f"{topic}.jsonl").read_bytes().split(b"\n")[:-1]


def recomputed_sales(orders: list[dict[str, Any]], path: Path) -> dict[Any, CategorySales]:
    """Decimal arithmetic on the texts in the files, nothing of the generator's."""
    with (path / f"landing/fx_rates/{DAY}.csv").open() as file:
        rates = {row["currency"]: Decimal(row["rate_to_eur"]) for row in csv.DictReader(file)}
    catalogue = (path / f"landing/products/{DAY}.json").read_text().splitlines()
    categories = {row["product_id"]: row["category"] for row in map(json.loads, catalogue)}
    sales: dict[Any, CategorySales] = defaultdict(CategorySales)
    orders_of = defaultdict(set)
    for order in orders:
        for line in order["items"]:
            key = date.fromisoformat(order["ordered_at"][:10]), categories[line["product_id"]]
            amount = line["quantity"] * line["unit_price_cents"] * rates[order["currency"]]
            sales[key].revenue_eur_cents += int(amount.quantize(Decimal(1), ROUND_HALF_UP))
            sales[key].items_count += 1
            sales[key].units_count += line["quantity"]
            orders_of[key].add(order["order_id"])
    for key, order_ids in orders_of.items():
        sales[key].orders_count = len(order_ids)
    return dict(sales)


def test_sales_equal_an_independent_recomputation(
    written: tuple[Truth, Path], class_of: ClassOf
) -> None:
    truth, path = written
    good = [json.loads(v) for v in lines(path, "orders") if class_of("orders", v) == "good"]
    assert truth.sales == recomputed_sales(good, path)


def test_counts_and_checksums_equal_those_of_the_bytes(
    written: tuple[Truth, Path], class_of: ClassOf
) -> None:
    truth, path = written
    for topic in TOPICS:
        values = lines(path, topic)
        assert truth.produced(topic) == tally_of(values)
        by_class = defaultdict(list)
        for value in values:
            by_class[class_of(topic, value)].append(value)
        assert truth.topics[topic] == {name: tally_of(found) for name, found in by_class.items()}


def test_file_tallies_cover_data_rows_without_the_header(written: tuple[Truth, Path]) -> None:
    truth, path = written
    rates = (path / f"landing/fx_rates/{DAY}.csv").read_bytes().splitlines()
    catalogue = (path / f"landing/products/{DAY}.json").read_bytes().splitlines()
    lists = [file.read_bytes().splitlines() for file in path.glob("landing/supplier_prices/*.csv")]
    assert truth.files == {
        "fx_rates": tally_of(rates[1:]),
        "products": tally_of(catalogue),
        "supplier_prices": tally_of(row for lines in lists for row in lines[1:]),
    }


def test_rows_of_lists_without_a_column_are_known_to_be_refused() -> None:
    day = date(2026, 1, 7)
    contract = {"supplier_id", "product_id", "price_cents", "currency", "valid_from"}
    lists = [file for file in files(day, 7) if file.source == "supplier_prices"]
    refused = [
        row
        for file in lists
        for row in file.rows
        if not contract <= set(file.header.decode().split(","))
    ]
    assert len(refused) == 100
    assert Truth.of(Run(day, 0, 7)).refused == {"supplier_prices": tally_of(refused)}


def test_the_truth_file_gives_the_truth_back(written: tuple[Truth, Path]) -> None:
    truth, path = written
    assert Truth.from_json((path / "truth.json").read_text()) == truth


def test_checksums_survive_readers_with_53_bit_numbers(written: tuple[Truth, Path]) -> None:
    truth, _ = written
    document = json.loads(truth.to_json(), parse_int=float)
    assert int(document["topics"]["orders"]["produced"]["checksum"]) == (
        truth.produced("orders").checksum
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run_id": "x", "topics": {"orders": 1}}'])
def test_what_is_no_truth_file_is_refused(text: str) -> None:
    with pytest.raises(LakeproofError, match="no truth file"):
        Truth.from_json(text)


def test_every_class_is_in_the_truth_even_if_it_did_not_happen() -> None:
    truth = Truth.of(Run(DAY, 0, 7))
    assert Counter({topic: len(classes) for topic, classes in truth.topics.items()}) == {
        "orders": 8,
        "payments": 7,
        "clicks": 6,
        "shipments": 6,
        "refunds": 7,
        "reviews": 6,
        "social_mentions": 6,
    }
    assert truth.produced("orders") == tally_of([])
