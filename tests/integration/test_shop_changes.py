"""Changes of the shop's database as they are made: each is kept, pulled once, and stops nobody."""

import json
from contextlib import closing
from datetime import UTC, datetime

import pytest
from psycopg2 import sql

from jobs.errors import PullFailed
from jobs.objects import delete_objects
from jobs.pull import pull
from jobs.pull.postgres import pulled as asked
from jobs.session import postgres
from jobs.settings import Settings
from jobs.specs import find_spec
from tests.integration.test_shop_database import (
    RUN,
    booked,
    execute,
    first_day,
    pulled,
    shop,
    utc,
    watermark,
)

__all__ = ["first_day", "shop"]  # fixtures
pytestmark = pytest.mark.integration


def test_a_transaction_that_ends_late_is_pulled_then_and_hides_nothing(shop: Settings) -> None:
    reached = watermark(shop, "inventory")
    change = "UPDATE {schema}.inventory SET reorder_point_units = {units} WHERE product_id = {key}"
    with closing(postgres(shop)) as slow, slow, slow.cursor() as cursor:
        names = {"schema": sql.Identifier(shop.schema("shop"))}
        cursor.execute(
            sql.SQL(change).format(**names, units=sql.Literal(98), key=sql.Literal("prd-001"))
        )
        execute(shop, change.format(schema="{schema}", units=99, key="'prd-002'"))
        first = asked(find_spec("bronze.shop_inventory"), shop, reached)
    second = asked(find_spec("bronze.shop_inventory"), shop, first.watermark)
    found = [json.loads(each.line)["product_id"] for each in (*first.records, *second.records)]
    assert sorted(found) == ["prd-001", "prd-002"]


@pytest.mark.parametrize("moment", ["2062-01-01", "infinity", "-infinity", "0001-01-01"])
def test_a_time_that_cannot_be_true_hides_no_change_after_it(shop: Settings, moment: str) -> None:
    reached = watermark(shop, "inventory")
    change = "UPDATE {schema}.inventory SET reorder_point_units = 99"
    execute(shop, f"{change}, updated_at = '{moment}' WHERE product_id = 'prd-001'")
    later = watermark(shop, "inventory")
    assert [row["product_id"] for row in pulled(shop, "inventory", reached)] == ["prd-001"]
    execute(shop, f"{change} WHERE product_id = 'prd-002'")
    assert [row["product_id"] for row in pulled(shop, "inventory", later)] == ["prd-002"]


def test_a_change_without_a_new_time_is_pulled(shop: Settings) -> None:
    reached = watermark(shop, "products")
    execute(shop, "UPDATE {schema}.products SET list_price_cents = 1 WHERE product_id = 'prd-001'")
    [row] = pulled(shop, "products", reached)
    assert (row["operation"], row["list_price_cents"]) == ("upsert", 1)


def test_emptied_tables_are_pulled_as_deletions_of_all_their_rows(shop: Settings) -> None:
    there = {row["product_id"] for row in pulled(shop, "inventory")}
    reached = watermark(shop, "inventory")
    execute(shop, "TRUNCATE {schema}.inventory")
    found = pulled(shop, "inventory", reached)
    assert {row["product_id"] for row in found if row["operation"] == "delete"} == there


def test_a_row_whose_key_changes_leaves_under_the_old_one(shop: Settings) -> None:
    reached = watermark(shop, "inventory_movements")
    key = booked(RUN)[0].movement_id
    execute(
        shop,
        "UPDATE {schema}.inventory_movements SET movement_id = 'm-new' "
        f"WHERE movement_id = '{key}'",
    )
    found = pulled(shop, "inventory_movements", reached)
    told = [(row["operation"], row["movement_id"]) for row in found]
    assert told == [("delete", key), ("upsert", "m-new")]


def test_a_row_restored_with_its_old_times_can_change_again(shop: Settings) -> None:
    """The copy for the lake never stops the shop."""
    row = "('p-x', 'Lamp', 'Kitchen', {price}, 'EUR', '2026-01-05')"
    add = "INSERT INTO {schema}.products VALUES " + row.format(price=100)
    reached = watermark(shop, "products")
    for statement in (
        add,
        "DELETE FROM {schema}.products WHERE product_id = 'p-x'",
        add,
        "UPDATE {schema}.products SET updated_at = '2026-01-08' WHERE product_id = 'p-x'",
        "UPDATE {schema}.products SET updated_at = '2026-01-05' WHERE product_id = 'p-x'",
        "DELETE FROM {schema}.products WHERE product_id = 'p-x'",
        add,
    ):
        execute(shop, statement, clock=datetime(2026, 1, 6, tzinfo=UTC))
    operations = [row["operation"] for row in pulled(shop, "products", reached)]
    assert operations == ["upsert", "delete", "upsert", "upsert", "upsert", "delete", "upsert"]


def test_a_database_that_was_restored_is_told_and_not_passed_over(first_day: Settings) -> None:
    with pytest.raises(PullFailed, match=r"up to 99999999.*restored or is another"):
        pulled(first_day, "products", "99999998:99999999:")


@pytest.mark.parametrize("clock", ["", "no time", "2026-01-06"])
def test_a_deletion_needs_no_clock_of_the_simulation(shop: Settings, clock: str) -> None:
    reached = watermark(shop, "customers")
    execute(
        shop,
        f"SET LOCAL shop.clock = '{clock}'; "
        "DELETE FROM {schema}.customers WHERE customer_id = 'c-000001'",
    )
    [row] = pulled(shop, "customers", reached)
    is_simulated = row["updated_at"] == "2026-01-06T00:00:00.000000Z"
    assert (row["operation"], is_simulated) == ("delete", clock == "2026-01-06")


def test_a_version_of_a_row_that_went_before_anybody_asked_is_found(shop: Settings) -> None:
    came, went = (datetime(2026, 1, 6, hour, tzinfo=UTC) for hour in (10, 11))
    reached = watermark(shop, "customers")
    execute(
        shop,
        "INSERT INTO {schema}.customers VALUES ('c-x', 'x@mail.example', 'X', NULL, 'vip', "
        f"'{came.isoformat()}', '{came.isoformat()}')",
    )
    execute(shop, "DELETE FROM {schema}.customers WHERE customer_id = 'c-x'", clock=went)
    found = pulled(shop, "customers", reached)
    assert [(row["operation"], row["updated_at"]) for row in found] == [
        ("upsert", utc(came)),
        ("delete", utc(went)),
    ]


def test_a_pull_that_was_killed_before_its_commit_lands_nothing_twice(shop: Settings) -> None:
    spec = find_spec("bronze.shop_products")
    first = pull(spec, shop, None)
    assert first.objects_count == 1
    assert pull(spec, shop, None).objects_count == 0
    execute(shop, "UPDATE {schema}.products SET list_price_cents = 1 WHERE product_id = 'prd-001'")
    assert pull(spec, shop, None).objects_count == 1
    assert pull(spec, shop, first.watermark).objects_count == 0
    delete_objects(shop, shop.object_key("landing/"))
