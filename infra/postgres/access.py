"""A way into the databases of Postgres for services that keep their own there."""

import math
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import connection

from infra.native.instance import Instance
from jobs.errors import ServiceDown
from jobs.patience import await_true


def dsn(instance: Instance, database: str) -> str:
    """The DSN of a database beside the shop's."""
    return urlsplit(instance.values["POSTGRES_DSN"])._replace(path=f"/{database}").geturl()


def connect(instance: Instance, database: str) -> connection:
    """A connection, once the server takes any: its port opens before it is ready.

    Without end, as `command.wait_for_port`: who waits for both gives up when neither moves.
    """
    return await_true(
        lambda: psycopg2.connect(dsn(instance, database)),
        math.inf,
        lambda cause: ServiceDown("postgres", f"its database {database}", cause or ""),
        not_yet=(psycopg2.OperationalError,),
    )
