"""The shop by two ways: in silver both say what the database says, or their difference is told."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pytest
import requests

from generators import oltp
from jobs import capture
from jobs.namespace import namespace
from jobs.reconcile import Pair, Verdict, pairs, reconcile
from jobs.session import postgres, spark
from jobs.settings import Settings
from tests.integration.lake import run_tables
from tests.integration.services import wait_until
from tests.integration.test_capture import execute

pytestmark = pytest.mark.integration

T0, T1 = "2026-01-05T12:00:00Z", "2026-01-06T12:00:00Z"
STOCKED = date(2026, 1, 5)


@pytest.fixture(scope="module")
def shop(stack: Settings) -> Iterator[Settings]:
    """A shop without customers, captured from its first row on."""
    with namespace(stack, "ways") as settings:
        oltp.create_tables(settings)
        capture.start(settings)
        yield settings


def by(shop_table: str) -> Pair:
    return {pair.shop_table: pair for pair in pairs()}[shop_table]


def compared(settings: Settings, shop_table: str) -> Verdict:
    return reconcile(settings, by(shop_table))


def in_database(settings: Settings, table: str, *columns: str) -> list[tuple[object, ...]]:
    with closing(postgres(settings)) as connection, connection.cursor() as cursor:
        schema = settings.schema("shop")
        cursor.execute(f"SELECT {', '.join(columns)} FROM {schema}.{table}")
        return sorted(cursor.fetchall())


def in_silver(settings: Settings, table: str, *columns: str) -> list[tuple[object, ...]]:
    found = spark(settings).read.format("delta").load(settings.table_path(table))
    standing = "is_current" if "is_current" in found.columns else "NOT is_deleted"
    return sorted(tuple(row) for row in found.where(standing).select(*columns).collect())


def require_both(settings: Settings, shop_table: str, *columns: str) -> None:
    """Nothing, if the database, the pull and the capture have the same rows."""
    verdict = compared(settings, shop_table)
    assert verdict.keys == {}, verdict.line()
    due = in_database(settings, shop_table, *columns)
    for spec in (verdict.pair.pulled, verdict.pair.captured):
        assert in_silver(settings, spec.name, *columns) == due


def test_changes_at_one_instant_and_times_that_go_back_end_as_the_database_has_them(
    shop: Settings,
) -> None:
    fill = (
        "INSERT INTO products SELECT '{0}-' || n, 'Lamp', 'Kitchen', {1}, 'EUR', '{2}' "
        "FROM generate_series(1, 10) n"
    )
    execute(shop, *(fill.format(name, 100, T0) for name in ("anew", "gone", "back", "mend")))
    steps = (
        ("DELETE FROM products WHERE product_id LIKE 'anew-%'", fill.format("anew", 200, T1)),
        (
            "UPDATE products SET list_price_cents = 300, updated_at = "
            f"'{T1}' WHERE product_id LIKE 'gone-%'",
            "DELETE FROM products WHERE product_id LIKE 'gone-%'",
        ),
        ("DELETE FROM products WHERE product_id LIKE 'back-%'", fill.format("back", 100, T0)),
        ("UPDATE products SET updated_at = '2026-03-08' WHERE product_id LIKE 'mend-%'",),
        (
            "UPDATE products SET updated_at = '2026-01-08', list_price_cents = 120 "
            "WHERE product_id LIKE 'mend-%' OR product_id LIKE 'back-%'",
        ),
    )
    for statements in steps:
        execute(shop, *statements)
        require_both(shop, "products", "product_id", "list_price_cents")


def test_a_time_that_cannot_be_true_is_refused_and_its_neighbours_and_its_mending_come(
    shop: Settings,
) -> None:
    table = "silver.products"
    add = "INSERT INTO products VALUES ('{}', 'Lamp', 'Kitchen', 100, 'EUR', '{}')"
    execute(shop, add.format("far", "2062-01-05"), add.format("never", "infinity"))
    run_tables(shop, ("bronze.shop_products", table))
    before = {key for (key,) in in_silver(shop, table, "product_id")}
    assert not {"far", "never"} & before
    execute(shop, add.format("after", T1))
    execute(shop, f"UPDATE products SET updated_at = '{T1}' WHERE product_id IN ('far', 'never')")
    require_both(shop, "products", "product_id", "list_price_cents")
    after = {key for (key,) in in_silver(shop, table, "product_id")}
    assert after - before == {"far", "never", "after"}


def test_an_emptied_table_is_empty_by_both_ways(shop: Settings) -> None:
    execute(
        shop,
        f"INSERT INTO inventory SELECT product_id, 5, 3, '{STOCKED}' FROM products",
    )
    require_both(shop, "inventory", "product_id", "reorder_point_units")
    execute(shop, "TRUNCATE inventory")
    require_both(shop, "inventory", "product_id")
    assert in_database(shop, "inventory", "product_id") == []


def test_rows_that_went_while_the_slot_was_lost_are_told_by_their_keys(shop: Settings) -> None:
    execute(shop, f"INSERT INTO inventory SELECT product_id, 5, 3, '{STOCKED}' FROM products")
    require_both(shop, "inventory", "product_id")
    lose_slot(shop)
    execute(
        shop,
        "DELETE FROM inventory WHERE product_id = 'anew-1'",
        f"UPDATE inventory SET reorder_point_units = 9, updated_at = '{T1}' "
        "WHERE product_id = 'anew-2'",
    )
    requests.put(f"{connector(shop)}/resume", auth=login(shop), timeout=60).raise_for_status()
    verdict = compared(shop, "inventory")
    assert verdict.keys == {"anew-1": "captured"}
    assert "silver.inventory and silver.inventory_replica differ on 1 rows" in verdict.line()


def connector(settings: Settings) -> str:
    return f"{settings.connect_url}/connectors/{capture.name(settings)}"


def login(settings: Settings) -> tuple[str, str]:
    return settings.connect_user, settings.connect_password


def lose_slot(settings: Settings) -> None:
    """Nothing; the connector rests, and its slot is gone as after a failover."""
    requests.put(f"{connector(settings)}/stop", auth=login(settings), timeout=60).raise_for_status()
    name = capture.name(settings)
    wait_until(lambda: not capture.progress(settings).is_connected, "the slot to be let go")
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_drop_replication_slot(%s)", [name])
