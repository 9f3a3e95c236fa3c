"""A way into the databases of Postgres for services that keep their own there."""

from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import connection

from infra.native.command import START_SECONDS
from infra.native.instance import Instance
from jobs.errors import ServiceDown
from jobs.patience import await_true


def dsn(instance: Instance, database: str) -> str:
    """The DSN of a database beside the shop's."""
    return urlsplit(instance.values["POSTGRES_DSN"])._replace(path=f"/{database}").geturl()


def connect(instance: Instance, database: str) -> connection:
    """A connection, once the server takes any: its port opens before it is ready.

    Raises: ServiceDown if it does not in the time a start may take.
    """
    return await_true(
        lambda: psycopg2.connect(dsn(instance, database)),
        START_SECONDS,
        lambda cause: ServiceDown("postgres", f"its database {database}", cause or ""),
        not_yet=(psycopg2.OperationalError,),
    )
