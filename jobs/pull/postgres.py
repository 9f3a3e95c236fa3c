"""Rows of the shop's database in every version they had, and those that are gone, as JSON lines."""

from contextlib import closing
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from jobs.errors import PullFailed, ServiceDown, SpecError
from jobs.pull import Record
from jobs.session import postgres
from jobs.settings import Settings
from jobs.spec import Spec

SCHEMA = "shop"
ROWS_PER_TRIP = 5_000
ALL_TIME = "-infinity"
# Postgres writes the JSON itself, instants in UTC and in ISO 8601 with a Z.
INSTANT = "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS {0}"
# Old rows get the columns that the table has now. One that is gone changed when it was deleted.
CHANGED = """
SELECT found.updated_at, row_to_json(line)::text
FROM (
  SELECT 'upsert' AS operation, changed.*
  FROM {table} AS changed
  WHERE updated_at >= %(since)s
  UNION ALL
  SELECT 'upsert' AS operation, old.*
  FROM {superseded} AS before, jsonb_populate_record(NULL::{table}, before.row) AS old
  WHERE before.table_name = %(name)s AND before.updated_at >= %(since)s
  UNION ALL
  SELECT 'delete' AS operation, old.*
  FROM {deletions} AS gone,
    jsonb_populate_record(
      NULL::{table}, gone.row || jsonb_build_object('updated_at', gone.deleted_at)
    ) AS old
  WHERE gone.table_name = %(name)s AND gone.deleted_at >= %(since)s
) AS found,
LATERAL (SELECT operation, {columns}) AS line
"""
COLUMNS = """
SELECT attname, atttypid = 'timestamptz'::regtype
FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""


def records(spec: Spec, settings: Settings, since: datetime | None) -> list[Record]:
    """Every version of a row since an instant, inclusive, and every deletion.

    Shape: `operation` (upsert or delete) and the columns that the table has now; of a deleted
    row, its last values and when it was deleted. All of it is one snapshot.
    Raises: ServiceDown; PullFailed if schema or table is missing; SpecError.
    """
    table = _table(spec)
    place = f"{settings.schema(SCHEMA)}.{table}"
    with closing(postgres(settings)) as connection:
        try:
            with connection, connection.cursor() as cursor:
                columns = _columns(cursor, settings, table)
            with connection, connection.cursor("changed") as cursor:
                cursor.itersize = ROWS_PER_TRIP
                cursor.execute(
                    _query(settings, table, columns), {"since": since or ALL_TIME, "name": table}
                )
                return [Record(moment, line.encode()) for moment, line in cursor]
        except psycopg2.OperationalError as error:
            raise ServiceDown("postgres", _address(settings), error) from error
        except psycopg2.ProgrammingError as error:
            raise PullFailed(
                f"{spec.name}: Postgres cannot be asked for what changed in {place}: {error}. "
                "Nothing was landed. A table that is pulled has `updated_at`, and beside it stand "
                "`superseded` and `deletions`; infra/postgres/shop.sql says how."
            ) from error


def _table(spec: Spec) -> str:
    told = spec.source.pull if spec.source else {}
    unknown = sorted(set(told).difference({"from", "table", "overlap_days"}))
    if unknown or not told.get("table"):
        raise SpecError(
            f"{spec.name}: source.pull from postgres needs `table` and may have `overlap_days`, "
            f"not {told!r}"
        )
    return str(told["table"])


def _columns(cursor: Any, settings: Settings, table: str) -> list[tuple[str, bool]]:
    """The table's columns, and whether each is an instant.

    Raises: PullFailed if there is no such table.
    """
    name = sql.Identifier(settings.schema(SCHEMA), table).as_string(cursor)
    cursor.execute(COLUMNS, [name])
    found: list[tuple[str, bool]] = cursor.fetchall()
    if not found:
        raise PullFailed(
            f"Postgres at {_address(settings)} has no table "
            f"{settings.schema(SCHEMA)}.{table}. Nothing was landed. `python -m generators --day "
            "...` makes the shop's tables and fills them; then run the table again."
        )
    return found


def _address(settings: Settings) -> str:
    address = urlsplit(settings.postgres_dsn)
    return f"{address.hostname}:{address.port}"


def _query(settings: Settings, table: str, columns: list[tuple[str, bool]]) -> sql.Composed:
    told = [
        sql.SQL(INSTANT if is_instant else "{0}").format(sql.Identifier(name))
        for name, is_instant in columns
    ]
    schema = settings.schema(SCHEMA)
    return sql.SQL(CHANGED).format(
        table=sql.Identifier(schema, table),
        superseded=sql.Identifier(schema, "superseded"),
        deletions=sql.Identifier(schema, "deletions"),
        columns=sql.SQL(", ").join(told),
    )
