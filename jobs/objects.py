"""Objects of the bucket that are deleted as a group."""

from minio.deleteobjects import DeleteObject

from jobs.session import object_store
from jobs.settings import Settings


def delete_objects(settings: Settings, prefix: str, but: str | None = None) -> None:
    """Nothing; the bucket holds no object whose key begins so, but those that begin with `but`.

    Raises: ServiceDown; OSError naming an object that stayed.
    """
    store = object_store(settings)
    found = store.list_objects(settings.s3_bucket, prefix=prefix, recursive=True)
    names = (item.object_name for item in found)
    doomed = (DeleteObject(key) for key in names if key and not (but and key.startswith(but)))
    for error in store.remove_objects(settings.s3_bucket, doomed):
        raise OSError(f"{error.name} was not deleted: {error.message}")
