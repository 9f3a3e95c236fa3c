"""The best categories over a threshold: which rows each clause sees, and what an engine reads."""

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from answers.evidence import Evidence, less_than
from answers.labs.engines import NAMES, Engines, Rows

SEED = 3
SALES = 20_000
UNSORTED = 100  # sales that nobody put into a category yet
CATEGORIES = ("art", "books", "garden", "kitchen", "lamps", "music", "sports", "toys")
THRESHOLD_CENTS = 8_000_000
TOP = 3
SHOWN_LETTERS = 90
BEST = f"""
SELECT category, sum(cents) AS revenue FROM sales
WHERE status = 'paid' AND category IS NOT NULL
GROUP BY category HAVING sum(cents) > {THRESHOLD_CENTS}
ORDER BY revenue DESC, category
"""
GROUPED = "SELECT category, sum(cents) FROM {0} {1} GROUP BY category {2}"
EARLY = ("WHERE category = 'art'", "")
LATE = ("", "HAVING category = 'art'")
# Both mean the same; ClickHouse sees through the first, and nobody through the second.
HALF_HIDDEN = ("", "HAVING max(category) = 'art'")
HIDDEN = ("", "HAVING count(CASE WHEN category = 'art' THEN 1 END) > 0")


def sales() -> Rows:
    rng = Random(SEED)
    weights = range(1, len(CATEGORIES) + 1)
    names: list[str | None] = [*rng.choices(CATEGORIES, weights, k=SALES - UNSORTED)]
    names += [None] * UNSORTED
    status = ("paid", "paid", "paid", "cancelled")
    rows = [(name, rng.choice(status), rng.randint(100, 10_000)) for name in names]
    rng.shuffle(rows)
    return rows


def revenue() -> dict[str, int]:
    """Paid cents by category, worked out without SQL."""
    cents: dict[str, int] = defaultdict(int)
    for category, status, paid in sales():
        if status == "paid" and category is not None:
            cents[category] += paid
    return cents


def is_sold(row: tuple[Any, ...]) -> bool:
    return row[0] is not None and row[1] == "paid"


@pytest.fixture(scope="module")
def shop(engines: Engines) -> Engines:
    """The engines with the sales; Postgres has an index, ClickHouse a table in order."""
    kinds = {"category": "text", "status": "text", "cents": "integer"}
    engines.load("sales", kinds, sales())
    with engines.postgres.cursor() as cursor:
        cursor.execute("CREATE INDEX ON sales (category)")
        cursor.execute("ANALYZE sales")
    engines.clickhouse.command(
        "CREATE TABLE sorted_sales ENGINE = MergeTree ORDER BY category "
        "SETTINGS index_granularity = 512 AS "
        "SELECT ifNull(category, '') AS category, cents FROM sales"
    )
    return engines


def reached_grouping(shop: Engines, clauses: tuple[str, str]) -> int:
    """How many rows Postgres let through to its grouping."""
    query = GROUPED.format("sales", *clauses)
    found = shop.ask_one("Postgres", f"EXPLAIN (ANALYZE, FORMAT JSON) {query}")
    node = found[0][0][0]["Plan"]
    while "Aggregate" not in node["Node Type"]:
        node = node["Plans"][0]
    while "Aggregate" in node["Node Type"] or node["Node Type"] == "Sort":
        node = node["Plans"][0]
    return int(node["Actual Rows"])


def read_rows(shop: Engines, clauses: tuple[str, str]) -> int:
    """How many rows ClickHouse read from storage."""
    asked = shop.clickhouse.query(GROUPED.format("sorted_sales", *clauses))
    return int(asked.summary["read_rows"])


def test_where_filters_rows_group_by_makes_groups_having_filters_groups(
    shop: Engines, evidence: Evidence
) -> None:
    sold = "FROM sales WHERE status = 'paid' AND category IS NOT NULL"
    after_where = shop.agreed(f"SELECT count(*), count(DISTINCT category) {sold}")[0]
    best = {name: cents for name, cents in revenue().items() if cents > THRESHOLD_CENTS}
    found = shop.agreed(BEST)
    evidence("rows to begin with", SALES, unit="rows")
    evidence("rows after WHERE", after_where[0], sum(map(is_sold, sales())), "rows")
    evidence("groups after GROUP BY", after_where[1], len(CATEGORIES), "groups")
    evidence("groups after HAVING", len(found), len(best), "groups")
    assert dict(found) == best
    assert 0 < len(best) < len(CATEGORIES)


def test_order_by_with_a_tie_breaker_gives_every_engine_the_same_top_rows(
    shop: Engines, evidence: Evidence
) -> None:
    ranked = sorted(revenue().items(), key=lambda item: (-item[1], item[0]))[:TOP]
    top = shop.ask(f"{BEST} LIMIT {TOP}")
    evidence.series("best categories", {name: cents // 100 for name, cents in ranked}, "EUR")
    equal = [name for name in NAMES if top[name] == ranked]
    evidence("engines with the same order", len(equal), len(NAMES), "engines")


def test_group_by_puts_all_nulls_into_one_group(shop: Engines, evidence: Evidence) -> None:
    groups = shop.agreed("SELECT category, count(*) FROM sales GROUP BY category")
    counted: dict[str | None, int] = dict(groups)
    evidence("groups with that of the nulls", len(groups), len(CATEGORIES) + 1, "groups")
    evidence("rows in the group of nulls", counted[None], UNSORTED, "rows")


def test_a_condition_on_the_key_gives_the_same_rows_in_where_and_in_having(
    shop: Engines, evidence: Evidence
) -> None:
    expected = sum(cents for category, _, cents in sales() if category == "art")
    texts = [GROUPED.format("sales", *form) for form in (EARLY, LATE, HALF_HIDDEN, HIDDEN)]
    equal = sum(shop.agreed(text) == [("art", expected)] for text in texts)
    evidence("ways to write it with the same rows", equal, len(texts), "ways")


def test_an_optimizer_moves_such_a_having_before_the_grouping_by_itself(
    shop: Engines, evidence: Evidence
) -> None:
    of_art = sum(category == "art" for category, *_ in sales())
    early, late = (reached_grouping(shop, clauses) for clauses in (EARLY, LATE))
    evidence("rows grouped with WHERE in Postgres", early, of_art, "rows")
    evidence("rows grouped with HAVING in Postgres", late, of_art, "rows")
    read = read_rows(shop, EARLY)
    evidence("rows read with WHERE in ClickHouse", read, less_than(SALES // 4), "rows")
    evidence("rows read with HAVING in ClickHouse", read_rows(shop, LATE), read, "rows")


@pytest.mark.control
def test_a_filter_the_optimizer_cannot_see_through_reads_and_groups_every_row(
    shop: Engines, evidence: Evidence
) -> None:
    for form, clauses in {"max": HALF_HIDDEN, "count": HIDDEN}.items():
        grouped = reached_grouping(shop, clauses)
        evidence(f"rows grouped with {form} in Postgres", grouped, SALES, "rows")
    early = read_rows(shop, EARLY)
    evidence("rows read with max in ClickHouse", read_rows(shop, HALF_HIDDEN), early, "rows")
    evidence("rows read with count in ClickHouse", read_rows(shop, HIDDEN), SALES, "rows")


@pytest.mark.control
def test_an_aggregate_in_where_and_a_column_outside_the_groups_are_refused(
    shop: Engines, evidence: Evidence
) -> None:
    wrong = {
        "aggregate in WHERE": "SELECT category FROM sales WHERE sum(cents) > 0 GROUP BY category",
        "column outside GROUP BY": "SELECT category, status FROM sales GROUP BY category",
    }
    told = [
        (case, name, shop.refusal(name, query)[:SHOWN_LETTERS])
        for case, query in wrong.items()
        for name in NAMES
    ]
    evidence.table("refused", ("query", "engine", "says"), told)
    evidence("refusals", len(told), len(wrong) * len(NAMES), "of six")


@pytest.mark.control
def test_nulls_come_first_in_one_engine_and_last_in_others_unless_it_is_said(
    shop: Engines, evidence: Evidence
) -> None:
    naive = shop.ask("SELECT DISTINCT category FROM sales ORDER BY category")
    for name, place in zip(NAMES, ("last", "first", "last"), strict=True):
        found = {0: "first", len(CATEGORIES): "last"}[naive[name].index((None,))]
        evidence(f"nulls in {name}", found, place)
    said = shop.ask("SELECT DISTINCT category FROM sales ORDER BY category NULLS LAST")
    expected = [*((name,) for name in CATEGORIES), (None,)]
    agreed = sum(rows == expected for rows in said.values())
    evidence("engines that agree once it is said", agreed, len(NAMES), "engines")
