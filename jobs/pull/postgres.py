"""Every change of a table of the shop's database, in the order they were made, as JSON lines."""

import re
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from jobs.errors import PullFailed, ServiceDown, SpecError
from jobs.pull import Answer, Record
from jobs.session import postgres
from jobs.settings import Settings
from jobs.spec import Spec

SCHEMA = "shop"
ROWS_PER_TRIP = 5_000
# Postgres writes the JSON itself, instants in UTC and in ISO 8601 with a Z; infinity as it is.
INSTANT = """CASE WHEN isfinite({0})
  THEN to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  ELSE {0}::text END AS {0}"""
# Which transactions this one sees: all before xmin, none from xmax on, of those between not the
# listed ones, which still run.
SNAPSHOT = re.compile(r"(?P<xmin>\d+):(?P<xmax>\d+):[\d,]*")
BEGINNING = "1:1:"
# Old rows get the columns that the table has now. One that is gone changed when it was deleted.
CHANGED = """
SELECT change.transaction_id::text, row_to_json(line)::text
FROM {changes} AS change,
LATERAL (
  SELECT CASE change.operation
    WHEN 'delete' THEN change.row || jsonb_build_object('updated_at', change.changed_at)
    ELSE change.row
  END AS row
) AS told,
LATERAL jsonb_populate_record(NULL::{table}, told.row) AS kept,
LATERAL (SELECT change.operation, {columns}, change.position) AS line
WHERE change.table_name = %(name)s
  AND change.transaction_id >= pg_snapshot_xmin(%(since)s::pg_snapshot)
  AND NOT pg_visible_in_snapshot(change.transaction_id, %(since)s::pg_snapshot)
ORDER BY change.position
"""
COLUMNS = """
SELECT attname, atttypid = 'timestamptz'::regtype
FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""


def pulled(spec: Spec, settings: Settings, watermark: str | None) -> Answer:
    """Every change of a table since a watermark, each exactly once, in the order of the changes.

    A line is `operation` (upsert or delete), the columns that the table has now and `position`;
    of a deleted row, its last values and when it was deleted. The watermark is what the pull saw
    of the database's transactions, and follows no clock: one that still ran is in the next pull.
    Any other watermark is of the time before, and everything is pulled.
    Raises: ServiceDown; PullFailed if schema or table is missing or the database's transactions
    are numbered anew; SpecError.
    """
    table = _table(spec)
    since = watermark if SNAPSHOT.fullmatch(watermark or "") else BEGINNING
    with closing(postgres(settings)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        try:
            with connection, connection.cursor() as cursor:
                columns = _columns(cursor, settings, table)
                until = _snapshot(cursor, spec, settings, str(since))
                with connection.cursor("changed") as changed:
                    changed.itersize = ROWS_PER_TRIP
                    asked = {"since": since, "name": table}
                    changed.execute(_query(settings, table, columns), asked)
                    records = [Record(_order(number), line.encode()) for number, line in changed]
        except psycopg2.OperationalError as error:
            raise ServiceDown("postgres", _address(settings), error) from error
        except psycopg2.ProgrammingError as error:
            raise PullFailed(
                f"{spec.name}: Postgres cannot be asked for what changed in "
                f"{settings.schema(SCHEMA)}.{table}: {error}. Nothing was landed. A table that is "
                "pulled has triggers that keep its changes; infra/postgres/shop.sql says how."
            ) from error
    return Answer(records, until, _order(_part(str(since), "xmin")), identify=bytes)


def _part(snapshot: str, name: str) -> str:
    found = SNAPSHOT.fullmatch(snapshot)
    assert found is not None  # Postgres wrote it
    return found[name]


def _snapshot(cursor: Any, spec: Spec, settings: Settings, since: str) -> str:
    """What this transaction sees of the others.

    Raises: PullFailed if that is less than a pull saw before.
    """
    cursor.execute("SELECT pg_current_snapshot()::text")
    [until] = cursor.fetchone()
    before, now = (int(_part(text, "xmax")) for text in (since, until))
    if now < before:
        raise PullFailed(
            f"{spec.name}: the last pull saw transactions up to {before}, and Postgres at "
            f"{_address(settings)} has only come to {now}: it was restored or is another one. "
            "Nothing was landed, since what the lake knows of it can no longer be compared. Pull "
            "it into another namespace, or begin anew with `make reset`."
        )
    return str(until)


def _order(transaction_id: str) -> str:
    """As text that sorts like the number."""
    return transaction_id.zfill(20)


def _table(spec: Spec) -> str:
    told = spec.source.pull if spec.source else {}
    if set(told) != {"from", "table"}:
        raise SpecError(f"{spec.name}: source.pull from postgres needs `table`, not {told!r}")
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
        changes=sql.Identifier(schema, "changes"),
        columns=sql.SQL(", ").join(told),
    )
