"""Objects of the bucket: one read, and those whose keys begin alike listed and deleted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minio import Minio
from minio.deleteobjects import DeleteObject

from jobs.session import object_store
from jobs.settings import Settings


@contextmanager
def opened(store: Minio, bucket: str, key: str, length_bytes: int = 0) -> Iterator[Any]:
    """An object to read from for a block, or as much as its first bytes; 0 is all of it."""
    response = store.get_object(bucket, key, length=length_bytes)
    try:
        yield response
    finally:
        response.close()
        response.release_conn()


def keys(settings: Settings, prefix: str) -> Iterator[str]:
    """The keys that begin so, in alphabetical order.

    Raises: ServiceDown.
    """
    found = object_store(settings).list_objects(settings.s3_bucket, prefix=prefix, recursive=True)
    return (str(item.object_name) for item in found)


def delete_objects(settings: Settings, prefix: str, but: str | None = None) -> None:
    """Nothing; the bucket holds no object whose key begins so, but those that begin with `but`.

    Raises: ServiceDown; OSError naming an object that stayed.
    """
    found = (key for key in keys(settings, prefix) if not (but and key.startswith(but)))
    doomed = map(DeleteObject, found)
    for error in object_store(settings).remove_objects(settings.s3_bucket, doomed):
        raise OSError(f"{error.name} was not deleted: {error.message}")
