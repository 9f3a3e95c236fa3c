"""The shop's changes from Postgres' log to the lake: none lost, none twice, deletes among them."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import Any

import psutil
import psycopg2.extras
import pytest
from kafka import KafkaConsumer, TopicPartition
from psycopg2 import sql

from generators import oltp
from generators.run import Run
from infra.demo.reconcile import served
from infra.native.up import up
from jobs import capture
from jobs.alert import alerts
from jobs.commits import last_record
from jobs.errors import LakeproofError
from jobs.namespace import namespace
from jobs.session import postgres, spark
from jobs.settings import Settings
from jobs.spec import VALIDITY
from tests.integration.lake import run_tables
from tests.integration.services import pid_of

pytestmark = pytest.mark.integration

REPLICAS = {"customers": "customer", "products": "product", "inventory": "inventory"}
TABLES = [f"bronze.{one}_changes" for one in REPLICAS.values()]
TABLES += [f"silver.{table}_replica" for table in REPLICAS]
LONG = "Ada " * 5_000 + "Adler"


@pytest.fixture(scope="module")
def shop(stack: Settings) -> Iterator[Settings]:
    """A shop whose first day was there when the capture began; the second came after."""
    with namespace(stack, "cdc") as settings:
        oltp.advance(Run(date(2026, 1, 5), 100, 7), [], settings)
        capture.start(settings)
        oltp.advance(Run(date(2026, 1, 6), 100, 7), [], settings)
        follow(settings)
        yield settings


def follow(settings: Settings) -> None:
    """Every replica holds what is committed by now."""
    capture.wait_until_caught_up(settings)
    run_tables(settings, TABLES)


def execute(settings: Settings, *statements: str) -> None:
    """One transaction of the shop."""
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        schema = sql.Identifier(settings.schema("shop")).as_string(cursor)
        cursor.execute(f"SET search_path TO {schema}; SET LOCAL shop.clock = '2026-01-07'")
        for statement in statements:
            cursor.execute(statement)


def in_database(settings: Settings, table: str) -> list[str]:
    with closing(postgres(settings)) as connection:
        cursor = connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
        name = sql.Identifier(settings.schema("shop"), table)
        cursor.execute(sql.SQL("SELECT * FROM {}").format(name))
        rows = ({k: _plain(v) for k, v in row.items()} for row in cursor.fetchall())
        return sorted(json.dumps(row, sort_keys=True) for row in rows)


def _plain(value: Any) -> Any:
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if hasattr(value, "strftime") else value


def replica(settings: Settings, table: str, where: str = "is_current") -> list[dict[str, Any]]:
    path = settings.table_path(f"silver.{table}_replica")
    return [
        row.asDict()
        for row in spark(settings).read.format("delta").load(path).where(where).collect()
    ]


def in_lake(settings: Settings, table: str) -> list[str]:
    log = ("version_key", "lsn", "committed_at", "is_deleted", "_row_hash", *VALIDITY)
    rows = (
        {k: _plain(v) for k, v in row.items() if k not in log} for row in replica(settings, table)
    )
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def customer(settings: Settings, customer_id: str) -> dict[str, Any]:
    (row,) = replica(
        settings, "customers", f"customer_id = '{customer_id}' AND effective_to IS NULL"
    )
    return row


NEW_CUSTOMER = "INSERT INTO customers VALUES ('{}', 'a@x.example', '{}', NULL, 'vip', now(), now())"


@pytest.mark.parametrize("table", REPLICAS)
def test_snapshot_and_stream_together_are_the_database(shop: Settings, table: str) -> None:
    assert in_database(shop, table)
    assert in_lake(shop, table) == in_database(shop, table)
    record = last_record(shop, shop.table_path(f"silver.{table}_replica"))
    assert record is not None
    assert record.counts["quarantined"] == 0


def test_a_deleted_row_is_marked_and_a_new_key_is_a_new_row(shop: Settings) -> None:
    execute(shop, NEW_CUSTOMER.format("c-old", "Ada"))
    execute(shop, "UPDATE customers SET customer_id = 'c-new' WHERE customer_id = 'c-old'")
    execute(shop, NEW_CUSTOMER.format("c-gone", "Bob"))
    execute(shop, "DELETE FROM customers WHERE customer_id = 'c-gone'")
    follow(shop)
    told = {one: customer(shop, one)["is_deleted"] for one in ("c-old", "c-new", "c-gone")}
    assert told == {"c-old": True, "c-new": False, "c-gone": True}
    assert customer(shop, "c-gone")["full_name"] == "Bob"


def test_a_deleted_row_is_gone_from_the_mart_which_is_what_the_database_holds(
    shop: Settings,
) -> None:
    def sold() -> dict[str, int]:
        follow(shop)
        run_tables(shop, ["gold.products_on_sale"])
        mart = served("products_on_sale", shop)
        return {product_id: row["list_price_cents"] for (product_id,), row in mart.items()}

    def kept() -> dict[str, int]:
        rows = map(json.loads, in_database(shop, "products"))
        return {row["product_id"]: row["list_price_cents"] for row in rows}

    gone = '{"product_id": "prd-gone"}'
    row = f"SELECT (jsonb_populate_record(p, '{gone}')).* FROM products p LIMIT 1"
    execute(shop, f"INSERT INTO products {row}")
    assert sold() == kept()
    assert "prd-gone" in kept()
    execute(shop, "DELETE FROM products WHERE product_id = 'prd-gone'")
    assert sold() == kept()
    assert "prd-gone" not in kept()


def test_what_a_change_left_alone_is_whole_however_long_it_is(shop: Settings) -> None:
    execute(shop, NEW_CUSTOMER.format("c-long", LONG))
    execute(shop, "UPDATE customers SET segment = 'business' WHERE customer_id = 'c-long'")
    follow(shop)
    found = customer(shop, "c-long")
    assert (found["segment"], found["full_name"]) == ("business", LONG)


def test_of_a_transaction_the_last_change_holds_and_one_rolled_back_left_nothing(
    shop: Settings,
) -> None:
    change = "UPDATE customers SET full_name = '{}' WHERE customer_id = 'c-many'"
    execute(shop, NEW_CUSTOMER.format("c-many", "0"), *(change.format(n) for n in range(1, 20)))
    with pytest.raises(psycopg2.errors.DivisionByZero):
        execute(shop, change.format("never"), "SELECT 1 / 0")
    follow(shop)
    assert customer(shop, "c-many")["full_name"] == "19"


def test_a_new_column_of_the_source_is_told_and_the_rows_go_on(shop: Settings) -> None:
    execute(shop, "ALTER TABLE products ADD COLUMN colour text")
    execute(shop, "UPDATE products SET colour = 'red', list_price_cents = 4242")
    follow(shop)
    record = last_record(shop, shop.table_path("silver.products_replica"))
    assert record is not None
    assert list(record.new_fields) == ["colour"]
    assert {row["list_price_cents"] for row in replica(shop, "products")} == {4242}


def test_beginning_again_changes_nothing(shop: Settings) -> None:
    before = records_of(shop, "customer_changes")
    capture.start(shop)
    capture.wait_until_caught_up(shop)
    assert records_of(shop, "customer_changes") == before
    assert capture.progress(shop).state == "RUNNING"


def records_of(settings: Settings, topic: str) -> int:
    """How many records a topic holds."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    name = settings.topic(topic)
    parts = [TopicPartition(name, part) for part in consumer.partitions_for_topic(name) or ()]
    ends = consumer.end_offsets(parts)
    consumer.close()
    return sum(ends.values())


@pytest.mark.alone
def test_what_is_committed_while_the_connector_is_dead_comes_when_it_is_back(
    shop: Settings, stack: Settings
) -> None:
    killed = psutil.Process(pid_of("connect"))
    killed.kill()
    killed.wait(timeout=30)
    execute(shop, "UPDATE inventory SET lead_time_days = lead_time_days + 1")
    execute(
        shop, "DELETE FROM inventory WHERE product_id = (SELECT min(product_id) FROM inventory)"
    )
    up(stack.instance)
    follow(shop)
    assert in_lake(shop, "inventory") == in_database(shop, "inventory")


def test_a_slot_that_holds_back_too_much_is_told(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "MOST_RETAINED_BYTES", -1)
    before = max((one["number"] for one in alerts(shop)), default=0)
    assert capture.watch_over(shop).state == "RUNNING"
    (told,) = [one for one in alerts(shop, before) if one["source"] == capture.name(shop)]
    assert "holds back" in told["title"]


def test_a_capture_that_never_began_is_named(shop: Settings) -> None:
    nobody = replace(shop, namespace="nobody")
    with pytest.raises(LakeproofError, match="nobody_shop_changes"):
        capture.progress(nobody)
