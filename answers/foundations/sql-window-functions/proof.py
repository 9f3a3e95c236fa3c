"""Windows over sales, clicks and versions of orders, in three engines and in plain Python."""

from itertools import accumulate
from random import Random

import pytest
from pyspark.sql import functions as F

from answers.evidence import Evidence
from answers.labs.engines import Engines, Rows, in_order
from jobs.checksum import row_hash
from jobs.decode import ROW
from jobs.fates import ACCEPTED, DUPLICATE, ROW_HASH
from jobs.loads import newest

SEED = 11
CATEGORIES = ("books", "garden", "music", "toys")
CLOSED_DAYS = {20, 21, 22}
DAYS = [day for day in range(1, 304) if day not in CLOSED_DAYS]
WEEK_DAYS = 7
USERS, VISITS_EACH, CLICKS_EACH = 20, 3, 5
GAP_SECONDS = 1800
ORDERS, DUPLICATES = 500, 80
RUNNING = """
SELECT category, day, cents, sum(cents) OVER (
  PARTITION BY category ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
) AS so_far FROM sales
"""
SELF_JOIN = """
SELECT a.category, a.day, a.cents, sum(b.cents) AS so_far
FROM sales a JOIN sales b ON a.category = b.category
WHERE b.day <= a.day GROUP BY a.category, a.day, a.cents
"""


def sales() -> Rows:
    rng = Random(SEED)
    return [(name, day, rng.randint(1, 20) * 100) for name in CATEGORIES for day in DAYS]


def of(category: str) -> list[tuple[int, int]]:
    return [(day, cents) for name, day, cents in sales() if name == category]


def clicks() -> Rows:
    """Clicks a minute apart, and longer than the gap between two visits."""
    visit_seconds = CLICKS_EACH * 60 + GAP_SECONDS
    return [
        (user, visit * visit_seconds + click * 60, visit + 1)
        for user in range(USERS)
        for visit in range(VISITS_EACH)
        for click in range(CLICKS_EACH)
    ]


def versions() -> Rows:
    """Each order as it stands, and before it some that came twice or in an older version."""
    rng = Random(SEED)
    orders: Rows = [(number, 10, "paid") for number in range(ORDERS)]
    older = [(number, rng.choice((5, 10))) for number in range(DUPLICATES)]
    again: Rows = [(number, at, "paid" if at == 10 else "placed") for number, at in older]
    rows = again + orders
    rng.shuffle(rows)
    return rows


@pytest.fixture(scope="module")
def shop(engines: Engines) -> Engines:
    """The engines with the sales."""
    kinds = {"category": "text", "day": "integer", "cents": "integer"}
    engines.load("sales", kinds, sales())
    return engines


def test_a_window_computes_over_many_rows_and_keeps_each_of_them(
    shop: Engines, evidence: Evidence
) -> None:
    rows = shop.agreed(RUNNING)
    evidence("rows in", len(sales()), unit="rows")
    evidence("rows out of the window", len(rows), len(sales()), "rows")
    groups = shop.agreed("SELECT category, sum(cents) FROM sales GROUP BY category")
    evidence("rows out of GROUP BY", len(groups), len(CATEGORIES), "rows")
    expected: Rows = []
    for name in CATEGORIES:
        so_far = accumulate(cents for _, cents in of(name))
        expected += [(name, *sale, total) for sale, total in zip(of(name), so_far, strict=True)]
    assert rows == in_order(expected)


def test_a_self_join_gives_the_same_running_total_from_far_more_rows(
    shop: Engines, evidence: Evidence
) -> None:
    assert shop.agreed(SELF_JOIN) == shop.agreed(RUNNING)
    pairs = "SELECT count(*) FROM sales a JOIN sales b ON a.category = b.category"
    read = shop.agreed(f"{pairs} WHERE b.day <= a.day")[0][0]
    by_category = len(DAYS) * (len(DAYS) + 1) // 2
    evidence("pairs of the self-join", read, len(CATEGORIES) * by_category, "pairs")
    evidence.series("seconds with a window", shop.seconds(RUNNING), "s")
    evidence.series("seconds with a self-join", shop.seconds(SELF_JOIN), "s")


def test_seven_days_are_a_range_of_days_not_seven_rows(shop: Engines, evidence: Evidence) -> None:
    week = "PARTITION BY category ORDER BY day {} BETWEEN 6 PRECEDING AND CURRENT ROW"
    query = (
        "SELECT category, day, {0} AS total, {1} AS days FROM sales "
        f"WINDOW by_days AS ({week.format('RANGE')}), by_rows AS ({week.format('ROWS')})"
    )
    by_days = shop.agreed(query.format("sum(cents) OVER by_days", "count(*) OVER by_days"))
    expected: Rows = []
    for name in CATEGORIES:
        for day, _ in of(name):
            last = [cents for other, cents in of(name) if day - WEEK_DAYS < other <= day]
            expected.append((name, day, sum(last), len(last)))
    assert by_days == in_order(expected)
    by_rows = shop.agreed(query.format("sum(cents) OVER by_rows", "day - min(day) OVER by_rows"))
    too_long = sum(span >= WEEK_DAYS for *_, span in by_rows)
    reached = (WEEK_DAYS - 1) * len(CATEGORIES)
    evidence("days whose seven rows span more than a week", too_long, reached, "days")
    after = {row[1]: row for row in by_days if row[0] == "books"}[max(CLOSED_DAYS) + 1]
    evidence("open days in the week after the closing", after[3], 4, "days")


def test_rank_leaves_gaps_after_ties_dense_rank_none_row_number_has_no_ties(
    shop: Engines, evidence: Evidence
) -> None:
    query = """
    SELECT cents, day, rank() OVER best, dense_rank() OVER best, row_number() OVER strict
    FROM sales WHERE category = 'books'
    WINDOW best AS (ORDER BY cents DESC), strict AS (ORDER BY cents DESC, day)
    """
    rows = sorted(shop.agreed(query), key=lambda row: row[4])
    best = sorted(of("books"), key=lambda sale: (-sale[1], sale[0]))
    prices = [cents for _, cents in best]
    distinct = sorted(set(prices), reverse=True)
    assert rows == [
        (cents, day, prices.index(cents) + 1, distinct.index(cents) + 1, number)
        for number, (day, cents) in enumerate(best, 1)
    ]
    first_of_second = prices.count(prices[0])
    columns = ("cents", "day", "rank", "dense_rank", "row_number")
    evidence.table(
        "where the first tie ends", columns, rows[first_of_second - 2 : first_of_second + 1]
    )
    evidence("rank after the tie", rows[first_of_second][2], first_of_second + 1)
    evidence("dense rank after the tie", rows[first_of_second][3], 2)


def test_lag_finds_the_gap_between_clicks_that_starts_a_new_visit(
    engines: Engines, evidence: Evidence
) -> None:
    kinds = {"user_id": "integer", "at_second": "integer"}
    engines.load("clicks", kinds, [row[:2] for row in clicks()])
    rows = engines.agreed(
        f"""
        SELECT user_id, at_second, sum(is_first) OVER (
          PARTITION BY user_id ORDER BY at_second ROWS UNBOUNDED PRECEDING
        ) AS visit FROM (
          SELECT user_id, at_second, CASE WHEN at_second - lag(at_second) OVER (
            PARTITION BY user_id ORDER BY at_second
          ) <= {GAP_SECONDS} THEN 0 ELSE 1 END AS is_first FROM clicks
        ) AS marked
        """
    )
    found = {(user, visit) for user, _, visit in rows}
    evidence("visits found", len(found), USERS * VISITS_EACH, "visits")
    assert rows == in_order(clicks())


def test_row_number_over_the_business_key_removes_just_the_duplicates(
    engines: Engines, evidence: Evidence
) -> None:
    kinds = {"order_id": "integer", "updated_minute": "integer", "status": "text"}
    engines.load("versions", kinds, versions())
    kept = engines.agreed(
        """
        SELECT order_id, updated_minute, status FROM (
          SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY updated_minute DESC) AS place
          FROM versions
        ) AS ranked WHERE place = 1
        """
    )
    expected = in_order([(number, 10, "paid") for number in range(ORDERS)])
    evidence("duplicates put in", DUPLICATES, unit="duplicates")
    evidence("rows removed by ROW_NUMBER", len(versions()) - len(kept), DUPLICATES, "rows")
    assert kept == expected
    ready = engines.spark.table("versions").withColumns(
        {
            "_reasons": F.array(),
            ROW_HASH: row_hash(*kinds),
            ROW: F.struct(F.monotonically_increasing_id().alias("arrival")),
        }
    )
    staged = newest.stage(ready, ["order_id"], ["updated_minute"], None).collect()
    by_silver = [tuple(row)[:3] for row in staged if row["_fate"] == ACCEPTED]
    duplicates = sum(row["_fate"] == DUPLICATE for row in staged)
    evidence("rows that silver's own code calls duplicates", duplicates, DUPLICATES, "rows")
    assert in_order(by_silver) == expected


@pytest.mark.control
def test_a_running_total_without_a_frame_adds_up_all_rows_of_a_tie_at_once(
    shop: Engines, evidence: Evidence
) -> None:
    naive = shop.agreed("SELECT day, category, sum(cents) OVER (ORDER BY day) FROM sales")
    of_day = {day: sum(row[2] for row in sales() if row[1] == day) for day in DAYS}
    until = dict(zip(DAYS, accumulate(of_day[day] for day in DAYS), strict=True))
    assert naive == in_order([(day, name, until[day]) for day in DAYS for name in CATEGORIES])
    values = len({total for *_, total in naive})
    evidence("totals of the naive query that differ", values, len(DAYS), "values")
    frame = "ORDER BY day, category ROWS UNBOUNDED PRECEDING"
    mended = shop.agreed(f"SELECT sum(cents) OVER ({frame}) FROM sales")
    evidence("totals with a frame that differ", len(set(mended)), len(sales()), "values")
