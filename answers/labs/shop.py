"""The shop's database as a source: changed by hand, and read back to compare with."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

from psycopg2 import sql
from psycopg2.extras import RealDictCursor

from jobs.session import postgres
from jobs.settings import Settings

# When the statements of a proof happen, by the shop's own clock.
CLOCK = "2026-02-01T12:00:00Z"
INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


def execute(settings: Settings, *statements: str, schema: str = "shop") -> list[int]:
    """How many rows each statement was about; all of them are one transaction."""
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        place = sql.Identifier(settings.schema(schema)).as_string(cursor)
        cursor.execute(f"SET search_path TO {place}; SET LOCAL shop.clock = '{CLOCK}'")
        counts = []
        for statement in statements:
            cursor.execute(statement)
            counts.append(cursor.rowcount)
        return counts


def ask(settings: Settings, query: str, schema: str = "shop") -> list[dict[str, Any]]:
    """The rows of a query by column, instants as text."""
    with closing(postgres(settings)) as connection:
        cursor = connection.cursor(cursor_factory=RealDictCursor)
        place = sql.Identifier(settings.schema(schema)).as_string(cursor)
        cursor.execute(f"SET search_path TO {place}; SET TIME ZONE 'UTC'")
        cursor.execute(query)
        return plain(cursor.fetchall())


def plain(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with each instant as text, so that engines can be compared."""
    return [
        {name: v.strftime(INSTANT) if isinstance(v, datetime) else v for name, v in row.items()}
        for row in rows
    ]


def by_key(rows: Iterable[Mapping[str, Any]], key: str) -> dict[Any, dict[str, Any]]:
    """The rows by the value of their key.

    Raises: AssertionError if two rows have one key.
    """
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        assert row[key] not in found, f"{key} {row[key]} is there twice"
        found[row[key]] = dict(row)
    return found
