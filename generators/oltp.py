"""The shop's database in Postgres, brought to the end of a run's day."""

import csv
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from io import StringIO
from typing import Any

from psycopg2 import sql
from psycopg2.extras import execute_values

from generators.people import Row
from generators.run import Run
from generators.shop_tables import KEYS, Change, changes, midnight, opening
from generators.stock import Movement
from jobs.errors import LakeproofError
from jobs.pull.postgres import SCHEMA
from jobs.session import postgres
from jobs.settings import ROOT, Settings

SCHEMA_FILE = ROOT / "infra" / "postgres" / "shop.sql"
ONE_DAY = timedelta(days=1)
LAST_MOMENT = ONE_DAY - timedelta(milliseconds=1)


def create_tables(settings: Settings) -> None:
    """Nothing; the shop's schema and its tables exist.

    Raises: ServiceDown.
    """
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [settings.schema(SCHEMA)])
        name = sql.Identifier(settings.schema(SCHEMA))
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        _enter(cursor, settings)
        cursor.execute(SCHEMA_FILE.read_text())


def prepare(run: Run, settings: Settings) -> None:
    """Nothing; the schema exists, and no other run brought this day.

    Raises: ServiceDown; LakeproofError if another run did.
    """
    create_tables(settings)
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        _enter(cursor, settings)
        cursor.execute("SELECT run_id FROM simulated_days WHERE day = %s", [run.day])
        found = cursor.fetchone()
    if found and found[0] not in (None, run.run_id):
        raise LakeproofError(
            f"The shop's database, schema {settings.schema(SCHEMA)}, lived through {run.day} with "
            f"the run {found[0]}; {run.run_id} tells another story of that day. Publish the same "
            "count and seed again, another day, or into a fresh namespace."
        )


def advance(run: Run, movements: Sequence[Movement], settings: Settings) -> None:
    """Nothing; the database has lived through the run's day, and through those before it.

    The first day of all loads the state at its start. A run that is in already changes nothing.
    The clock never goes back: of a day before the newest one only the movements are booked, late.
    One transaction a day.
    Raises: ServiceDown; LakeproofError if another run brought this day.
    """
    prepare(run, settings)
    is_there = False
    with closing(postgres(settings)) as connection:
        while not is_there:
            with connection, connection.cursor() as cursor:
                _enter(cursor, settings)
                is_there = _step(cursor, run, movements)


def _enter(cursor: Any, settings: Settings) -> None:
    """The names of this transaction are those of the shop, and its times are in UTC."""
    cursor.execute("SELECT set_config('search_path', %s, true)", [settings.schema(SCHEMA)])
    cursor.execute("SET LOCAL TIME ZONE 'UTC'")


def _step(cursor: Any, run: Run, movements: Sequence[Movement]) -> bool:
    """Whether the run's day is in; if not, the database is one day further."""
    cursor.execute("LOCK TABLE simulated_days IN EXCLUSIVE MODE")
    cursor.execute("SELECT max(day) FROM simulated_days")
    newest: date | None = cursor.fetchone()[0]
    if newest is None:
        for table, rows in opening(run.day, run.seed).items():
            _load(cursor, table, rows)
        newest = run.day - ONE_DAY
    if newest < run.day:
        newest += ONE_DAY
        for change in changes(newest, run.seed):
            _apply(cursor, change)
        cursor.execute("INSERT INTO simulated_days (day) VALUES (%s)", [newest])
    if newest < run.day:
        return False
    _book(cursor, run, movements, newest)
    return True


def _load(cursor: Any, table: str, rows: list[Row]) -> None:
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writerows(rows)
    text.seek(0)
    columns = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)")
    cursor.copy_expert(copy.format(sql.Identifier(table), columns), text)


def _apply(cursor: Any, change: Change) -> None:
    table, key = sql.Identifier(change.table), sql.Identifier(KEYS[change.table])
    columns = [sql.Identifier(column) for column in change.values]
    if change.kind == "delete":
        cursor.execute("SELECT set_config('shop.clock', %s, true)", [change.moment.isoformat()])
        statement = sql.SQL("DELETE FROM {} WHERE {} = %s").format(table, key)
        cursor.execute(statement, [change.key])
    elif change.kind == "update":
        pairs = sql.SQL(", ").join(sql.SQL("{} = %s").format(column) for column in columns)
        statement = sql.SQL("UPDATE {} SET {} WHERE {} = %s").format(table, pairs, key)
        cursor.execute(statement, [*change.values.values(), change.key])
    else:
        statement = sql.SQL("INSERT INTO {} ({}) VALUES %s").format(
            table, sql.SQL(", ").join(columns)
        )
        execute_values(cursor, statement, [tuple(change.values.values())])


def _book(cursor: Any, run: Run, movements: Sequence[Movement], newest: date) -> None:
    """The movements of the run are in, once; those of an old day at the end of the newest."""
    cursor.execute(
        "INSERT INTO simulated_days AS known VALUES (%s, %s) ON CONFLICT (day) DO UPDATE "
        "SET run_id = EXCLUDED.run_id WHERE known.run_id IS NULL",
        [run.day, run.run_id],
    )
    is_new = cursor.rowcount == 1
    if not is_new:
        return
    late = midnight(newest) + LAST_MOMENT
    rows = [(*item, late if run.day < newest else item.moved_at) for item in movements]
    execute_values(cursor, "INSERT INTO inventory_movements VALUES %s", rows)
