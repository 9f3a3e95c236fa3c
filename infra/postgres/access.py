"""A way into the databases of Postgres for services that keep their own there."""

import time
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import connection

from infra.native.instance import Instance
from jobs.errors import ServiceDown

START_SECONDS = 60


def dsn(instance: Instance, database: str) -> str:
    """The DSN of a database beside the shop's."""
    return urlsplit(instance.values["POSTGRES_DSN"])._replace(path=f"/{database}").geturl()


def connect(instance: Instance, database: str) -> connection:
    """A connection, once the server takes any: its port opens before it is ready.

    Raises: ServiceDown if it does not within a minute.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return psycopg2.connect(dsn(instance, database))
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                raise ServiceDown("postgres", f"its database {database}", error) from None
        time.sleep(0.2)
