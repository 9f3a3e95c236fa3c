"""Five functions over orders of which some have no price yet, in three engines and in Python."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest

from answers.evidence import Evidence
from answers.labs.engines import NAMES, Engines, Rows

ORDERS = 5_000
WITHOUT_PRICE = 137
SEED = 7
CATEGORIES = ("books", "garden", "music", "toys")
COLUMNS = {"category": "text", "age": "integer", "price": "decimal", "price_float": "float"}
FIVE = ("SUM", "COUNT", "AVG", "MAX", "MIN")
QUERY = """
SELECT sum(price), count(price), avg(price), max(price), min(price), max(age), min(age)
FROM orders
"""


def rows_of_orders() -> Rows:
    rng = Random(SEED)
    rows = []
    for number in range(ORDERS):
        price = None if number < WITHOUT_PRICE else Decimal(rng.randint(1, 99_999)) / 100
        priced = None if price is None else float(price)
        rows.append((rng.choice(CATEGORIES), rng.randint(18, 90), price, priced))
    rng.shuffle(rows)
    return rows


def prices() -> list[Decimal]:
    return [row[2] for row in rows_of_orders() if row[2] is not None]


def cents(amount: Decimal | float | Fraction) -> int:
    """The amount to the nearest cent."""
    return round(Fraction(amount) * 100)


def euros(amount_cents: int) -> str:
    return f"{amount_cents / 100:.2f}"


@pytest.fixture(scope="module")
def shop(engines: Engines) -> Engines:
    """The engines with the orders."""
    engines.load("orders", COLUMNS, rows_of_orders())
    return engines


def test_an_aggregation_makes_one_row_of_many_or_one_for_each_group(
    shop: Engines, evidence: Evidence
) -> None:
    spent: dict[str, Decimal] = defaultdict(Decimal)
    for category, _, price, _ in rows_of_orders():
        spent[category] += price or 0
    whole = shop.agreed("SELECT sum(price) FROM orders")
    groups = shop.agreed("SELECT category, sum(price) FROM orders GROUP BY category")
    evidence("orders", ORDERS, unit="orders")
    evidence("rows of the total", len(whole), 1, "row")
    evidence("rows of the grouped total", len(groups), len(CATEGORIES), "rows")
    evidence.series("revenue by category", {name: float(of) for name, of in groups}, "EUR")
    assert dict(groups) == spent and whole[0][0] == sum(spent.values())


def test_sum_count_avg_max_and_min_agree_to_the_cent_in_three_engines(
    shop: Engines, evidence: Evidence
) -> None:
    known = prices()
    ages = [row[1] for row in rows_of_orders()]
    exact = [sum(known), len(known), Fraction(sum(known)) / len(known), max(known), min(known)]
    wanted = [*map(cents, exact), *map(cents, (max(ages), min(ages)))]
    found = {name: [cents(value) for value in rows[0]] for name, rows in shop.ask(QUERY).items()}
    evidence.table("five functions over the prices", ("function", *NAMES), five_of(found))
    off = max(abs(a - b) for row in found.values() for a, b in zip(row, wanted, strict=True))
    evidence("largest difference to Python's exact result", off, 0, "cents")
    *_, oldest, youngest = found["Postgres"]
    evidence("oldest customer", oldest // 100, max(ages), "years")
    evidence("youngest customer", youngest // 100, min(ages), "years")


def five_of(found: dict[str, list[int]]) -> Sequence[Sequence[str]]:
    rows = zip(FIVE, *(found[name] for name in NAMES), strict=False)
    return [
        (
            function,
            *(str(value // 100) if function == "COUNT" else euros(value) for value in values),
        )
        for function, *values in rows
    ]


def test_count_of_a_column_leaves_out_its_nulls_count_of_rows_does_not(
    shop: Engines, evidence: Evidence
) -> None:
    of_rows, of_prices = shop.agreed("SELECT count(*), count(price) FROM orders")[0]
    evidence("rows counted", of_rows, ORDERS, "rows")
    evidence("prices counted", of_prices, ORDERS - WITHOUT_PRICE, "prices")
    evidence("nulls between them", of_rows - of_prices, WITHOUT_PRICE, "orders without a price")


@pytest.mark.control
def test_an_unknown_price_stored_as_zero_pulls_the_average_down(
    shop: Engines, evidence: Evidence
) -> None:
    query = "SELECT avg(price), avg(coalesce(price, 0)) FROM orders"
    found = {tuple(map(cents, rows[0])) for rows in shop.ask(query).values()}
    assert len(found) == 1, f"the engines differ: {found}"
    right, naive = found.pop()
    known = Fraction(sum(prices()))
    evidence("average price", euros(right), euros(cents(known / len(prices()))))
    evidence("average with zeros", euros(naive), euros(cents(known / ORDERS)))
    assert naive < right


def test_over_no_rows_every_function_gives_null_but_count_which_gives_zero(
    shop: Engines, evidence: Evidence
) -> None:
    functions = ", ".join(f"{name.lower()}(price)" for name in FIVE)
    rows = shop.agreed(f"SELECT {functions} FROM orders WHERE age < 0")
    told = dict(zip(FIVE, rows[0], strict=True))
    evidence.table("over no rows", FIVE, [tuple(str(value) for value in rows[0])])
    nulls = [name for name, value in told.items() if value is None]
    evidence("functions that gave null", ", ".join(nulls), "SUM, AVG, MAX, MIN")
    evidence("count of no rows", told["COUNT"], 0, "rows")
    groups = shop.agreed("SELECT category, count(*) FROM orders WHERE age < 0 GROUP BY category")
    evidence("groups of no rows", len(groups), 0, "groups")


@pytest.mark.control
def test_a_sum_of_floats_loses_what_a_sum_of_decimals_keeps(
    shop: Engines, evidence: Evidence
) -> None:
    query = "SELECT sum(price_float) FROM orders"
    exact = Fraction(sum(prices()))
    wrong = {name: abs(Fraction(rows[0][0]) - exact) for name, rows in shop.ask(query).items()}
    evidence.table(
        "distance of the float sum from the exact one",
        ("engine", "EUR"),
        [(name, f"{float(distance):.1e}") for name, distance in wrong.items()],
    )
    evidence("float sums that are exact", sum(not far for far in wrong.values()), 0, "of three")
    booked = "(VALUES ({0}::{1}), (1), (-{0})) AS bookings (amount)"
    kept = {
        kind: shop.ask_one("Postgres", f"SELECT sum(amount) FROM {booked.format(10**16, kind)}")
        for kind in ("float8", "numeric")
    }
    evidence("one euro beside a large reversal, as float", cents(kept["float8"][0][0]), 0, "cents")
    evidence("the same as decimal", cents(kept["numeric"][0][0]), 100, "cents")
