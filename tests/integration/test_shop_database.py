"""The shop's database in Postgres: a day at a time, every change to be found by who pulls."""

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg2 import sql

from generators import oltp
from generators.run import Run
from generators.shop import stream
from generators.shop_tables import after_first_day, changes
from generators.stock import Movement, Stockroom
from jobs.errors import LakeproofError, PullFailed, ServiceDown
from jobs.pull.postgres import pulled as asked
from jobs.session import postgres
from jobs.settings import Settings
from jobs.specs import find_spec

pytestmark = pytest.mark.integration

RUN, NEXT_RUN = (Run(date(2026, 1, day), 100, 7) for day in (5, 6))
ENTITIES = ("customers", "addresses", "products", "inventory")
TABLES = (*ENTITIES, "inventory_movements")


@pytest.fixture
def shop(stack: Settings) -> Iterator[Settings]:
    """A schema of its own that has lived through the first day."""
    with opened(stack) as settings:
        yield settings


@pytest.fixture(scope="module")
def first_day(stack: Settings) -> Iterator[Settings]:
    """The same for tests that change nothing."""
    with opened(stack) as settings:
        yield settings


@contextmanager
def opened(stack: Settings) -> Iterator[Settings]:
    settings = replace(stack, namespace=f"shop_{uuid.uuid4().hex[:8]}")
    advance(RUN, settings)
    yield settings
    execute(settings, "DROP SCHEMA {schema} CASCADE")


def execute(settings: Settings, statement: str, clock: datetime | None = None) -> None:
    schema = sql.Identifier(settings.schema("shop"))
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        if clock:
            cursor.execute("SELECT set_config('shop.clock', %s, true)", [clock.isoformat()])
        cursor.execute(sql.SQL(statement).format(schema=schema))


def booked(run: Run) -> list[Movement]:
    stockroom = Stockroom(run)
    for _ in stockroom.counting(stream(run)):
        pass
    return stockroom.movements()


def advance(run: Run, settings: Settings) -> None:
    oltp.advance(run, booked(run), settings)


def pulled(settings: Settings, table: str, since: str | None = None) -> list[dict[str, Any]]:
    """The changes since a watermark, without their places."""
    found = asked(find_spec(f"bronze.shop_{table}"), settings, since).records
    lines = [json.loads(record.line) for record in found]
    places = [line.pop("position") for line in lines]
    assert places == sorted(set(places))
    return lines


def watermark(settings: Settings, table: str) -> str | None:
    return asked(find_spec(f"bronze.shop_{table}"), settings, None).watermark


def everything(settings: Settings) -> dict[str, list[str]]:
    return {table: sorted(map(str, pulled(settings, table))) for table in TABLES}


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def expected(rows: Sequence[dict[str, Any]]) -> list[str]:
    texts = [
        {name: utc(v) if isinstance(v, datetime) else v for name, v in row.items()} for row in rows
    ]
    return sorted(str({"operation": "upsert", **row}) for row in texts)


def test_the_database_is_what_the_day_made_of_it(first_day: Settings) -> None:
    for table, rows in after_first_day(RUN.day, RUN.seed).items():
        versions = pulled(first_day, table)
        newest: dict[str, dict[str, Any]] = {}
        for row in versions:
            newest[next(v for name, v in row.items() if name.endswith("_id"))] = row
        standing = [row for row in newest.values() if row["operation"] == "upsert"]
        assert sorted(map(str, standing)) == expected(rows)
    rows = [{**item._asdict(), "updated_at": item.moved_at} for item in booked(RUN)]
    assert sorted(map(str, pulled(first_day, "inventory_movements"))) == expected(rows)


def test_the_same_day_again_changes_nothing(first_day: Settings) -> None:
    before = everything(first_day)
    advance(RUN, first_day)
    assert everything(first_day) == before


def test_another_story_of_a_day_is_refused(first_day: Settings) -> None:
    with pytest.raises(LakeproofError, match="shop-2026-01-05-7-100; shop-2026-01-05-7-99 tells"):
        advance(replace(RUN, count=99), first_day)


def test_pulls_day_by_day_find_each_change_once_as_one_pull_at_the_end_does(
    shop: Settings,
) -> None:
    """Rows that changed twice, or came and went, between two pulls are not lost."""
    days = [replace(RUN, day=RUN.day + timedelta(days=offset)) for offset in (1, 2, 4)]
    found = {table: pulled(shop, table) for table in TABLES}
    reached = {table: watermark(shop, table) for table in TABLES}
    for run in days:
        advance(run, shop)
        for table in TABLES:
            found[table] += pulled(shop, table, reached[table])
            reached[table] = watermark(shop, table)
    assert {table: sorted(map(str, rows)) for table, rows in found.items()} == everything(shop)


def test_a_deleted_row_is_pulled_with_its_last_values_and_when_it_went(first_day: Settings) -> None:
    gone = [change for change in changes(RUN.day, RUN.seed) if change.kind == "delete"]
    customers = pulled(first_day, "customers")
    deletes = {row["customer_id"]: row for row in customers if row["operation"] == "delete"}
    assert deletes.keys() == {change.key for change in gone}
    for change in gone:
        deleted = deletes[change.key]
        [last] = [
            row
            for row in customers
            if row["customer_id"] == change.key and row["operation"] == "upsert"
        ]
        told = {"operation": "delete", "updated_at": utc(change.moment)}
        assert deleted == {**last, **told}
        assert deleted["updated_at"] > last["updated_at"]


def test_a_day_before_the_newest_is_booked_late_so_that_pulls_find_it(shop: Settings) -> None:
    advance(replace(RUN, day=date(2026, 1, 8)), shop)
    reached = watermark(shop, "inventory_movements")
    entities = {table: pulled(shop, table) for table in ENTITIES}
    advance(NEXT_RUN, shop)
    assert {table: pulled(shop, table) for table in ENTITIES} == entities
    found = {row["movement_id"]: row for row in pulled(shop, "inventory_movements", reached)}
    for item in booked(NEXT_RUN):
        assert found[item.movement_id]["moved_at"] == utc(item.moved_at)


def test_a_new_column_is_pulled_without_a_change_here_with_what_changes_from_then_on(
    shop: Settings,
) -> None:
    execute(shop, "ALTER TABLE {schema}.inventory ADD COLUMN shelf text DEFAULT 'A1'")
    reached = watermark(shop, "inventory")
    assert {row["shelf"] for row in pulled(shop, "inventory")} == {None}
    execute(shop, "UPDATE {schema}.inventory SET lead_time_days = 3 WHERE product_id = 'prd-001'")
    assert [row["shelf"] for row in pulled(shop, "inventory", reached)] == ["A1"]


def test_a_table_that_is_not_there_is_named_with_what_to_do(stack: Settings) -> None:
    nowhere = replace(stack, namespace="absent")
    with pytest.raises(PullFailed, match=r"no table absent_shop\.customers.*python -m generators"):
        pulled(nowhere, "customers")


def test_a_database_that_is_down_is_named(stack: Settings) -> None:
    down = replace(stack, postgres_dsn="postgresql://postgres:x@127.0.0.1:1/shop")
    with pytest.raises(ServiceDown, match=r"postgres at 127\.0\.0\.1:1"):
        pulled(down, "customers")
    with pytest.raises(ServiceDown, match="postgres"):
        oltp.prepare(RUN, down)
