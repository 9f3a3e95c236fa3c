"""Which groups a change touches: those that are other than before, and no other."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.loads.recompute import Touched, touched_groups
from jobs.session import spark
from jobs.settings import Settings
from jobs.specs import find_spec

pytestmark = pytest.mark.integration

DAY, NEXT_DAY = date(2026, 1, 5), date(2026, 1, 6)
LINES = "gold.fact_order_items"
PRODUCTS = "gold.dim_product"
SPEC = replace(
    find_spec("gold.daily_revenue"),
    touched_by={LINES: "order_date"},
    touched_since={PRODUCTS: ["product_key", "category"]},
)
HOME = (21, "home", "2026-01-01 00:00:00", None)
HOME_UNTIL = (21, "home", "2026-01-01 00:00:00", "2026-01-06 12:00:00")
LIGHT = (22, "light", "2026-01-06 12:00:00", None)


@pytest.fixture(scope="module")
def session(stack: Settings) -> SparkSession:
    return spark(stack)


def _lines(session: SparkSession, *rows: tuple[str, date, int]) -> DataFrame:
    return session.createDataFrame(rows, "_change_type string, order_date date, cents int")


def _versions(
    session: SparkSession, gone: list[tuple[Any, ...]], come: list[tuple[Any, ...]]
) -> DataFrame:
    rows = [("delete", *row) for row in gone] + [("insert", *row) for row in come]
    types = "_change_type string, product_key long, category string, `from` string, `to` string"
    times = ("cast(`from` AS timestamp) effective_from", "cast(`to` AS timestamp) effective_to")
    texts = session.createDataFrame(rows, types)
    return texts.selectExpr("_change_type", "product_key", "category", *times)


def test_rows_written_again_unchanged_touch_nothing(session: SparkSession) -> None:
    same = [("delete", DAY, 5), ("insert", DAY, 5)]
    other = [("delete", NEXT_DAY, 5), ("insert", NEXT_DAY, 6), ("insert", NEXT_DAY, 5)]
    touched = touched_groups(SPEC, {LINES: _lines(session, *same, *other)})
    assert touched == Touched("order_date", [NEXT_DAY])
    assert touched_groups(SPEC, {LINES: _lines(session, *same)}).is_nothing


@pytest.mark.parametrize(
    ("gone", "come", "since"),
    [
        pytest.param([HOME], [HOME], None, id="written again unchanged"),
        pytest.param([HOME], [HOME_UNTIL, LIGHT], NEXT_DAY, id="a new version"),
        pytest.param([HOME], [HOME_UNTIL], NEXT_DAY, id="deleted, so that it ends"),
        pytest.param([HOME_UNTIL, LIGHT], [HOME], NEXT_DAY, id="a version taken back"),
        pytest.param([], [HOME], date(2026, 1, 1), id="a first version"),
        pytest.param([HOME], [(21, "garden", *HOME[2:])], date(2026, 1, 1), id="another category"),
    ],
)
def test_versions_touch_the_days_since_they_are_other_than_before(
    session: SparkSession,
    gone: list[tuple[Any, ...]],
    come: list[tuple[Any, ...]],
    since: date | None,
) -> None:
    touched = touched_groups(SPEC, {PRODUCTS: _versions(session, gone, come)})
    assert touched == Touched("order_date", [], since)


def test_a_day_that_is_listed_and_within_the_days_since_is_touched_once(
    session: SparkSession,
) -> None:
    changes = {
        LINES: _lines(session, ("insert", DAY, 5), ("insert", NEXT_DAY, 5)),
        PRODUCTS: _versions(session, [HOME], [HOME_UNTIL, LIGHT]),
    }
    touched = touched_groups(SPEC, changes)
    assert touched == Touched("order_date", [DAY], NEXT_DAY)
    assert touched.condition_on("day") == "`day` IN (DATE'2026-01-05') OR `day` >= DATE'2026-01-06'"


def test_an_input_that_is_new_or_mapped_nowhere_touches_everything(session: SparkSession) -> None:
    everything = Touched("order_date", None)
    assert touched_groups(SPEC, {LINES: None}) == everything
    unmapped = {"gold.fact_refunds": _lines(session, ("insert", DAY, 5))}
    assert touched_groups(SPEC, unmapped) == everything
    assert everything.condition == "true"
