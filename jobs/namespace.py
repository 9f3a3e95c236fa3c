"""A namespace: lake paths, topics, landing objects and databases of one test or proof."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from minio.deleteobjects import DeleteObject

from jobs.serve import MART_DATABASE
from jobs.session import clickhouse, object_store
from jobs.settings import Settings
from jobs.topics import admin, create_all


@contextmanager
def namespace(settings: Settings, label: str = "ns") -> Iterator[Settings]:
    """Settings whose names are all fresh; what they named is deleted at the end.

    Raises: ServiceDown.
    """
    own = replace(settings, namespace=f"{label}_{uuid.uuid4().hex[:8]}")
    topics = create_all(own)
    try:
        yield own
    finally:
        _delete(own, topics)


def _delete(settings: Settings, topics: list[str]) -> None:
    client = admin(settings)
    client.delete_topics(topics)
    client.close()
    store = object_store(settings)
    found = store.list_objects(settings.s3_bucket, prefix=f"{settings.namespace}/", recursive=True)
    doomed = (DeleteObject(item.object_name) for item in found if item.object_name)
    for error in store.remove_objects(settings.s3_bucket, doomed):
        raise OSError(f"{error.name} was not deleted: {error.message}")
    clickhouse(settings).command(f"DROP DATABASE IF EXISTS {settings.database(MART_DATABASE)}")
