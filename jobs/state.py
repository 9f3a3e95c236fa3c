"""Where the platform keeps what it says of itself: a schema of the database for each namespace."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from psycopg2 import sql

from jobs.session import postgres
from jobs.settings import Settings

SCHEMA = "operations"


def execute(settings: Settings, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """The rows a statement gives, none if it gives none; `{schema}` in it is that one.

    Raises: ServiceDown.
    """
    named = sql.SQL(statement).format(schema=sql.Identifier(settings.schema(SCHEMA)))
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(named, values)
        return cursor.fetchall() if cursor.description else []
