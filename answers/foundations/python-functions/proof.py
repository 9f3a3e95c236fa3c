"""One function in Python, Spark and ClickHouse, and three that look like functions and fail."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from pyspark.sql import Column
from pyspark.sql import functions as F

from answers.evidence import Evidence, more_than
from answers.labs.engines import Engines, Rows, in_order
from jobs.silver import order_items

SEED = 17
LINES = 10_000
KINDS = {"line_id": "integer", "price": "decimal", "quantity": "integer"}
AS_ORDER = """
SELECT line_id AS order_id, 'c-1' AS customer_id, timestamp'2026-01-05' AS ordered_at,
  date'2026-01-05' AS order_date, 'EUR' AS currency, array(named_struct(
    'line_number', 1, 'product_id', 'p-1', 'quantity', quantity,
    'unit_price_cents', CAST(price * 100 AS bigint))) AS items
FROM lines
"""


class Sql(str):
    """A piece of SQL that is multiplied by writing it down."""

    def __mul__(self, other: object) -> "Sql":
        return Sql(f"{self} * {other}")


Factor = TypeVar("Factor", Decimal, float, Column, Sql)


def calculate_revenue(price: Factor, quantity: Factor) -> Factor:
    """The revenue of an order line, in the currency of its price."""
    return price * quantity


@dataclass(frozen=True)
class Line:
    """A line of an order."""

    line_id: int
    price: Decimal
    quantity: int
    revenue: Decimal


def generated() -> Iterator[Line]:
    """Seeded lines, the dearest and the cheapest among them."""
    rng = Random(SEED)
    for line_id in range(LINES):
        cents = (1, 99_999_999)[line_id] if line_id < 2 else rng.randint(1, 99_999)
        price, quantity = Decimal(cents) / 100, rng.randint(1, 40)
        yield Line(line_id, price, quantity, calculate_revenue(price, Decimal(quantity)))


@pytest.fixture(scope="module")
def shop(engines: Engines) -> Engines:
    """The engines with the lines, without their revenue."""
    engines.load("lines", KINDS, [(e.line_id, e.price, e.quantity) for e in generated()])
    return engines


def test_one_definition_gives_equal_revenue_in_python_spark_and_clickhouse(
    shop: Engines, evidence: Evidence
) -> None:
    in_python: Rows = in_order([(line.line_id, line.revenue) for line in generated()])
    as_column = calculate_revenue(F.col("price"), F.col("quantity"))
    frame = shop.spark.table("lines").select("line_id", as_column)
    in_spark = in_order([tuple(row) for row in frame.collect()])
    as_sql = calculate_revenue(Sql("price"), Sql("quantity"))
    in_clickhouse = in_order(shop.ask_one("ClickHouse", f"SELECT line_id, {as_sql} FROM lines"))
    places = zip(in_python, in_spark, in_clickhouse, strict=True)
    equal = sum(one == two == three for one, two, three in places)
    evidence("lines", LINES, unit="lines")
    evidence("lines with equal revenue in all three", equal, LINES, "lines")
    off = max(abs(a[1] - b[1]) for a, b in zip(in_python, in_spark, strict=True))
    evidence("tolerance that this needed", int(off * 100), 0, "cents")
    evidence("written for ClickHouse", as_sql, "price * quantity")


def test_it_is_defined_once_and_called_in_the_generator_in_spark_and_in_sql(
    evidence: Evidence,
) -> None:
    tree = [*ast.walk(ast.parse(Path(__file__).read_text()))]
    name = calculate_revenue.__name__
    defined = sum(isinstance(node, ast.FunctionDef) and node.name == name for node in tree)
    called = sum(isinstance(node, ast.Call) and ast.unparse(node.func) == name for node in tree)
    evidence("definitions", defined, 1, "definition")
    # The fourth is the call with floats, which shows why it should not be made.
    evidence("places that call it", called, 4, "places")


def test_the_transform_of_silver_is_a_function_and_gives_the_same_cents(
    shop: Engines, evidence: Evidence
) -> None:
    orders = shop.spark.sql(AS_ORDER)
    columns_before = orders.columns
    found = order_items.transform(orders).select("order_id", "amount_cents").collect()
    expected = [(line.line_id, int(line.revenue * 100)) for line in generated()]
    assert in_order([tuple(row) for row in found]) == in_order(expected)
    evidence("lines priced alike by silver", len(found), LINES, "lines")
    evidence("its input is as before", orders.columns == columns_before, True)


def as_float(line: Line) -> float:
    return calculate_revenue(float(line.price), float(line.quantity))


@pytest.mark.control
def test_money_as_float_is_no_longer_the_exact_amount(evidence: Evidence) -> None:
    lines = [*generated()]
    floats = [as_float(line) for line in lines]
    pairs = zip(lines, floats, strict=True)
    wrong = [line for line, value in pairs if Decimal(str(value)) != line.revenue]
    evidence("lines whose float revenue is not exact", len(wrong), more_than(0), "lines")
    first = wrong[0]
    evidence("the first of them", f"{first.price} * {first.quantity} = {as_float(first)}")
    rounded = sum(round(value * 100) for value in floats)
    exact = sum(line.revenue for line in lines)
    evidence("off once each line is rounded to cents", rounded - int(exact * 100), 0, "cents")


@pytest.mark.control
def test_a_function_that_reads_a_hidden_rate_gives_two_results_for_one_input(
    evidence: Evidence,
) -> None:
    rates = {"USD": Decimal("0.90")}

    def naive(amount: Decimal) -> Decimal:
        return amount * rates["USD"]

    def pure(amount: Decimal, rate: Decimal) -> Decimal:
        return amount * rate

    of_that_day = rates["USD"]
    before, again = naive(Decimal(100)), pure(Decimal(100), of_that_day)
    rates["USD"] = Decimal("0.95")
    evidence("one hundred dollars, on the day", f"{before:.2f}", "90.00", "EUR")
    evidence("the same order in a backfill", f"{naive(Decimal(100)):.2f}", "95.00", "EUR")
    backfilled = pure(Decimal(100), of_that_day)
    evidence("the backfill with the rate as input", f"{backfilled:.2f}", f"{again:.2f}", "EUR")


@pytest.mark.control
def test_a_function_that_changes_its_input_is_wrong_when_its_task_is_tried_again(
    evidence: Evidence,
) -> None:
    def naive(batch: list[Line]) -> list[Line]:
        for number, line in enumerate(batch):
            batch[number] = replace(line, price=line.price / 2)
        return batch

    def pure(batch: list[Line]) -> list[Line]:
        return [replace(line, price=line.price / 2) for line in batch]

    batch = [line for _, line in zip(range(100), generated(), strict=False)]
    start = sum(line.price for line in batch)
    tried_twice = [pure(batch), pure(batch)][-1]
    mended = sum(line.price for line in tried_twice) / start
    evidence("share of the price left by the pure one", float(mended), 0.5)
    spoilt = [naive(batch), naive(batch)][-1]
    halved_twice = sum(line.price for line in spoilt) / start
    evidence("share left by the naive one", float(halved_twice), 0.25)
