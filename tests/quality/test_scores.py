"""Scores: a dimension is as good as its worst rule, a total the mean of what was measured."""

from datetime import date

from jobs.spec import Column, Rule, Spec
from quality.results import DATASET, DAY_ROWS, ROW_RULE, WATCH, Result
from quality.scores import Score, critical_columns, scores, table_of, uncovered

MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)


def _result(day: date, kind: str, dimension: str, good: float, table: str = "silver.a") -> Result:
    return Result(table, day, kind, "rule", dimension, "warning", good, 0.99, 1.0, good)


def test_a_dimension_is_as_good_as_the_worst_that_was_measured_of_it() -> None:
    found = scores(
        [
            _result(MONDAY, DAY_ROWS, "validity", 0.97),
            _result(MONDAY, DATASET, "validity", 1.0),
            _result(MONDAY, WATCH, "freshness", 0.0),
        ]
    )
    assert list(found) == [Score("silver.a", MONDAY, {"validity": 0.97, "freshness": 0.0})]


def test_the_records_of_a_day_count_once_and_not_once_more_by_rule() -> None:
    found = scores(
        [
            _result(MONDAY, DAY_ROWS, "validity", 0.97),
            _result(MONDAY, ROW_RULE, "validity", 0.5),
        ]
    )
    assert list(found) == [Score("silver.a", MONDAY, {"validity": 0.97})]


def test_each_table_and_day_has_its_own_score_in_order() -> None:
    found = scores(
        [
            _result(TUESDAY, DAY_ROWS, "validity", 0.5),
            _result(MONDAY, DAY_ROWS, "validity", 1.0, "silver.b"),
            _result(MONDAY, DAY_ROWS, "validity", 0.9),
        ]
    )
    assert list(found) == [
        Score("silver.a", MONDAY, {"validity": 0.9}),
        Score("silver.a", TUESDAY, {"validity": 0.5}),
        Score("silver.b", MONDAY, {"validity": 1.0}),
    ]


def test_the_total_is_the_mean_of_what_was_measured_held_against_99_percent() -> None:
    good = Score("silver.a", MONDAY, {"validity": 0.98, "volume": 1.0})
    bad = Score("silver.a", MONDAY, {"validity": 0.97, "volume": 1.0})
    assert (good.total, good.meets_target, bad.meets_target) == (0.99, True, False)


def test_people_read_percent_and_a_dash_where_nothing_was_measured() -> None:
    head, line = table_of([Score("silver.a", MONDAY, {"validity": 0.9868, "volume": 1.0})])
    assert head.split() == [
        *("table", "day", "completeness", "uniqueness", "validity", "consistency"),
        *("freshness", "volume", "total", "verdict"),
    ]
    assert line.split() == [
        *("silver.a", "2026-01-05", "-", "-", "98.68", "-", "-", "100.00", "99.34", "good")
    ]


def test_keys_and_measures_are_critical_and_need_a_rule_that_blocks() -> None:
    columns = {
        "id": Column("string"),
        "note": Column("string", nullable=True),
        "price_cents": Column("bigint", nullable=True),
        "fee_cents": Column("bigint", nullable=True),
    }
    blocking = Rule("between", "price_cents", on_fail="quarantine", args={"min": 0, "max": 9})
    telling = Rule("min_between", "fee_cents", severity="warning", args={"min": 0})
    quality = (blocking, telling)
    spec = Spec("silver.a", "", "", "insert", columns, keys=("id",), quality=quality)
    assert critical_columns(spec) == ["id", "price_cents", "fee_cents"]
    assert uncovered(spec) == ["fee_cents"]
