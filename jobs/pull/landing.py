"""Pulled records as objects in the landing area, each version once however often it is pulled."""

import hashlib
import re
from collections.abc import Hashable, Iterator
from io import BytesIO

from minio import Minio

from jobs.objects import opened
from jobs.pull import Answer
from jobs.session import object_store
from jobs.settings import Settings

NAME = re.compile(r"(?P<first>[0-9TZ]+)-(?P<last>[0-9TZ]+)-[0-9a-f]{16}\.json")


def land(answer: Answer, prefix: str, settings: Settings) -> int:
    """How many objects were written: one, or none if each record is what was landed of it last.

    The lines stand in the source's order. The name holds the first and the last place in it and a
    hash of the lines and of what was landed before: the same pull again is the same object, what
    may hold a record is known without opening, and a record that is again what it once was is not
    taken for the older one.
    Raises: ServiceDown.
    """
    if not answer.records:
        return 0
    store = object_store(settings)
    landed = list(_landed(store, settings, settings.object_key(prefix), answer.since))
    last: dict[Hashable, bytes] = {
        answer.identify(line): line for name in landed for line in _lines(store, settings, name)
    }
    new = [each for each in answer.records if last.get(answer.identify(each.line)) != each.line]
    if not new:
        return 0
    data = b"".join(line + b"\n" for _, line in sorted(new, key=lambda each: each.order))
    digest = hashlib.sha256("\n".join(landed).encode() + data).hexdigest()[:16]
    orders = [each.order for each in new]
    key = settings.object_key(f"{prefix}{min(orders)}-{max(orders)}-{digest}.json")
    store.put_object(settings.s3_bucket, key, BytesIO(data), len(data))
    return 1


def _landed(store: Minio, settings: Settings, prefix: str, since: str) -> Iterator[str]:
    """Names of the objects that may hold a record of `since` or later, as they were landed."""
    found = store.list_objects(settings.s3_bucket, prefix=prefix, recursive=True)
    for item in sorted(found, key=lambda item: (item.last_modified, item.object_name)):
        name = NAME.search(item.object_name or "")
        if name and name["last"] >= since:
            yield item.object_name


def _lines(store: Minio, settings: Settings, name: str) -> list[bytes]:
    with opened(store, settings.s3_bucket, name) as answer:
        return bytes(answer.read()).splitlines()
