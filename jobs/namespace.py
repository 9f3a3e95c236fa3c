"""A namespace: lake paths, topics, landing objects and databases of one test or proof."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import requests
from psycopg2 import sql

from jobs import capture, registry
from jobs.objects import delete_objects
from jobs.pull.postgres import SCHEMA as SHOP_SCHEMA
from jobs.serve import MART_DATABASE
from jobs.session import clickhouse, postgres
from jobs.settings import Settings
from jobs.specs import topic_specs
from jobs.state import SCHEMA as STATE_SCHEMA
from jobs.topics import admin, create_all

ANSWER_SECONDS = 30


@contextmanager
def namespace(settings: Settings, label: str = "ns") -> Iterator[Settings]:
    """Settings whose names are all fresh; what they named is deleted at the end.

    Raises: ServiceDown.
    """
    own = replace(settings, namespace=f"{label}_{uuid.uuid4().hex[:8]}")
    create_all(own)
    registry.register_all(own)
    try:
        yield own
    finally:
        _delete(own)


def _delete(settings: Settings) -> None:
    capture.stop(settings)
    registry.forget(settings, topic_specs())
    client = admin(settings)
    # Those that a connector made for itself are named after the namespace too.
    client.delete_topics([name for name in client.list_topics() if settings.namespace in name])
    client.close()
    delete_objects(settings, f"{settings.namespace}/")
    clickhouse(settings).command(f"DROP DATABASE IF EXISTS {settings.database(MART_DATABASE)}")
    _drop_schemas(settings)
    _drop_from_stubs(settings)


def _drop_schemas(settings: Settings) -> None:
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        for schema in (SHOP_SCHEMA, STATE_SCHEMA):
            name = sql.Identifier(settings.schema(schema))
            cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))


def _drop_from_stubs(settings: Settings) -> None:
    login = (settings.s3_access_key, settings.s3_secret_key)
    url = f"{settings.shop_api_url}/_admin/{settings.namespace}"
    requests.delete(url, auth=login, timeout=ANSWER_SECONDS).raise_for_status()
