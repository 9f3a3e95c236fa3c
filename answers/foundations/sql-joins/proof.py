"""Four joins over keys that match, match twice, match nothing or are null, predicted beforehand."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from answers.evidence import Evidence
from answers.labs.engines import Engines, Row, Rows, in_order

MATCHED = 60
ORDERS_EACH = 5
WITHOUT_ORDERS = 40
CUSTOMERS_WITHOUT_ID = 3
GUEST_ORDERS = 20
ORDERS_WITHOUT_ID = 7
TWICE = 1  # this customer stands in the table two times

PAIRS = MATCHED * ORDERS_EACH + ORDERS_EACH
LEFT_ONLY = WITHOUT_ORDERS + CUSTOMERS_WITHOUT_ID
RIGHT_ONLY = GUEST_ORDERS + ORDERS_WITHOUT_ID
PREDICTED = {
    "INNER": PAIRS,
    "LEFT": PAIRS + LEFT_ONLY,
    "RIGHT": PAIRS + RIGHT_ONLY,
    "FULL": PAIRS + LEFT_ONLY + RIGHT_ONLY,
}
SELECTED = "SELECT c.customer_id, c.name, o.order_id, o.amount"
ON = "ON c.customer_id = o.customer_id"


def customers() -> Rows:
    known = range(1, MATCHED + WITHOUT_ORDERS + 1)
    return [
        *((key, f"customer {key}") for key in known),
        (TWICE, f"customer {TWICE}, moved"),
        *((None, f"without id {number}") for number in range(CUSTOMERS_WITHOUT_ID)),
    ]


def orders() -> Rows:
    keys = [
        *(key for key in range(1, MATCHED + 1) for _ in range(ORDERS_EACH)),
        *range(1001, 1001 + GUEST_ORDERS),
        *[None] * ORDERS_WITHOUT_ID,
    ]
    return [(number, key, Decimal(number * 3) / 4) for number, key in enumerate(keys, 1)]


def joined(kind: str) -> Rows:
    """What the join must give, worked out pair by pair in Python."""
    pairs = [(c, o) for c in customers() for o in orders() if c[0] is not None and c[0] == o[1]]
    left = {c for c, _ in pairs}
    right = {o for _, o in pairs}
    rows: Rows = [(*c, o[0], o[2]) for c, o in pairs]
    if kind in ("LEFT", "FULL"):
        rows += [(*c, None, None) for c in customers() if c not in left]
    if kind in ("RIGHT", "FULL"):
        rows += [(None, None, o[0], o[2]) for o in orders() if o not in right]
    return in_order(rows)


def euros(amount: Decimal | int) -> str:
    return f"{amount:.2f}"


@pytest.fixture(scope="module")
def shop(engines: Engines) -> Engines:
    """The engines with both tables."""
    engines.load("customers", {"customer_id": "integer", "name": "text"}, customers())
    kinds = {"order_id": "integer", "customer_id": "integer", "amount": "decimal"}
    engines.load("orders", kinds, orders())
    return engines


@pytest.fixture
def check(shop: Engines, evidence: Evidence) -> Callable[[str], Rows]:
    """Runs one kind of join everywhere, and compares it with what was predicted."""

    def run(kind: str) -> Rows:
        rows = shop.agreed(f"{SELECTED} FROM customers c {kind} JOIN orders o {ON}")
        evidence(f"rows of the {kind.lower()} join", len(rows), PREDICTED[kind], "rows")
        assert rows == joined(kind)
        return rows

    return run


def test_an_inner_join_keeps_only_pairs_whose_keys_match(
    check: Callable[[str], Rows], evidence: Evidence
) -> None:
    rows = check("INNER")
    evidence("inner rows with a null on either side", sum(map(has_null, rows)), 0, "rows")


def has_null(row: Row) -> bool:
    return None in row


def test_a_left_join_keeps_every_left_row_with_nulls_where_nothing_matched(
    check: Callable[[str], Rows], evidence: Evidence
) -> None:
    rows = check("LEFT")
    assert {row[1] for row in rows} == {name for _, name in customers()}
    evidence("customers without an order", sum(map(has_null, rows)), LEFT_ONLY, "customers")


def test_a_right_join_is_a_left_join_with_its_sides_changed(
    check: Callable[[str], Rows], shop: Engines, evidence: Evidence
) -> None:
    turned = shop.agreed(f"{SELECTED} FROM orders o LEFT JOIN customers c {ON}")
    evidence("equal to the turned left join", check("RIGHT") == turned, True)


def test_a_full_join_keeps_every_row_of_both_sides(
    check: Callable[[str], Rows], evidence: Evidence
) -> None:
    rows = check("FULL")
    assert {row[1] for row in rows} - {None} == {name for _, name in customers()}
    assert {row[2] for row in rows} - {None} == {order[0] for order in orders()}
    evidence("rows that only one side has", sum(map(has_null, rows)), LEFT_ONLY + RIGHT_ONLY)


def test_a_null_key_matches_nothing_not_even_another_null(
    shop: Engines, evidence: Evidence
) -> None:
    both = "FROM customers c JOIN orders o ON c.customer_id {} o.customer_id"
    count = f"SELECT count(*) {both} WHERE c.customer_id IS NULL"
    evidence("nulls matched by =", shop.agreed(count.format("="))[0][0], 0, "pairs")
    null_safe = shop.agreed(count.format("IS NOT DISTINCT FROM"))[0][0]
    possible = CUSTOMERS_WITHOUT_ID * ORDERS_WITHOUT_ID
    evidence("nulls matched by IS NOT DISTINCT FROM", null_safe, possible, "pairs")


@pytest.mark.control
def test_a_duplicated_key_multiplies_rows_and_the_sum_after_the_join_is_wrong(
    shop: Engines, evidence: Evidence
) -> None:
    total = "SELECT sum(o.amount), count(*) FROM orders o JOIN {} c " + ON
    naive, pairs = shop.agreed(total.format("customers"))[0]
    once = "(SELECT customer_id, max(name) AS name FROM customers GROUP BY customer_id)"
    mended, _ = shop.agreed(total.format(once))[0]
    of_known = [o for o in orders() if o[1] is not None and o[1] <= MATCHED]
    too_much = sum(o[2] for o in of_known if o[1] == TWICE)
    evidence("revenue of known customers", euros(mended), euros(sum(o[2] for o in of_known)), "EUR")
    evidence("revenue counted twice", euros(naive - mended), euros(too_much), "EUR")
    fan_out = (pairs - len(of_known) + ORDERS_EACH) / ORDERS_EACH
    evidence("fan-out of the duplicated key", fan_out, 2.0, "rows for each order")


@pytest.mark.control
def test_a_where_on_the_right_table_turns_a_left_join_into_an_inner_one(
    shop: Engines, evidence: Evidence
) -> None:
    left = f"{SELECTED} FROM customers c LEFT JOIN orders o {ON}"
    in_where = shop.agreed(f"{left} WHERE o.amount > 0")
    evidence("rows with the condition in WHERE", len(in_where), PREDICTED["INNER"], "rows")
    assert in_where == joined("INNER")
    in_on = shop.agreed(f"{left} AND o.amount > 0")
    evidence("rows with the condition in ON", len(in_on), PREDICTED["LEFT"], "rows")
    assert in_on == joined("LEFT")


@pytest.mark.control
def test_clickhouse_fills_in_zero_for_no_match_unless_told_to_use_nulls(
    shop: Engines, evidence: Evidence
) -> None:
    strict = "(SELECT assumeNotNull(order_id) AS order_id, customer_id FROM orders)"
    zeros = f"SELECT countIf(o.order_id = 0) FROM customers c LEFT JOIN {strict} o {ON}"
    for use_nulls, expected in ((0, LEFT_ONLY), (1, 0)):
        found = shop.ask_one("ClickHouse", f"{zeros} SETTINGS join_use_nulls = {use_nulls}")
        label = f"orders numbered zero, join_use_nulls {use_nulls}"
        evidence(label, found[0][0], expected, "orders")
