"""Pulled records as objects in the landing area, each record once however often it is pulled."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO

from minio import Minio

from jobs.pull import Record
from jobs.session import object_store
from jobs.settings import Settings

STAMP = "%Y%m%dT%H%M%S%fZ"
NAME = re.compile(r"(?P<first>\d{8}T\d{12}Z)-(?P<last>\d{8}T\d{12}Z)-[0-9a-f]{16}\.json")


def land(records: Sequence[Record], prefix: str, settings: Settings, since: datetime | None) -> int:
    """How many objects were written: one, or none if every record stands in an older object.

    The name holds the first and the last `updated_at` of the records and a hash of the bytes: the
    same records again are the same object, and what may hold a record is known without opening.
    Raises: ServiceDown.
    """
    if not records:
        return 0
    store = object_store(settings)
    known = set(_landed(store, settings, settings.object_key(prefix), since))
    new = sorted({record for record in records if record.line not in known})
    if not new:
        return 0
    data = b"".join(record.line + b"\n" for record in new)
    first, last = (_stamp(record.updated_at) for record in (new[0], new[-1]))
    digest = hashlib.sha256(data).hexdigest()[:16]
    key = settings.object_key(f"{prefix}{first}-{last}-{digest}.json")
    store.put_object(settings.s3_bucket, key, BytesIO(data), len(data))
    return 1


def _landed(
    store: Minio, settings: Settings, prefix: str, since: datetime | None
) -> Iterator[bytes]:
    """Lines of the objects with a record of `since` or later."""
    for item in store.list_objects(settings.s3_bucket, prefix=prefix, recursive=True):
        name = NAME.search(item.object_name or "")
        if name is None or (since and name["last"] < _stamp(since)):
            continue
        answer = store.get_object(settings.s3_bucket, item.object_name)
        yield from answer.read().split(b"\n")
        answer.close()
        answer.release_conn()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(STAMP)
