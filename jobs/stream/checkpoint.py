"""The checkpoint of the stream's query: a new one for each start.

Where to go on stands in the commits of the bronze tables. From the checkpoint before, Spark would
first repeat the batch that was under way, alone, and what came since would wait for it: in a new
server half of the time until an order is readable again. Source: docs/decisions/streams.md
"""

import json
import uuid
from io import BytesIO

from jobs.objects import delete_objects
from jobs.session import object_store
from jobs.settings import Settings

FOLDER = "checkpoints/bronze"


def begin(settings: Settings) -> str:
    """The key of a new checkpoint; its query ends the one before, if that is still running.

    Spark does so with a query of the same id, and reads the id from the checkpoint's `metadata`.
    Raises: ServiceDown.
    """
    folder = settings.object_key(FOLDER)
    key = f"{folder}/{uuid.uuid4().hex}"
    query_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{settings.s3_bucket}/{folder}"))
    content = json.dumps({"id": query_id}).encode()
    store = object_store(settings)
    store.put_object(settings.s3_bucket, f"{key}/metadata", BytesIO(content), len(content))
    return key


def forget_others(settings: Settings, key: str) -> None:
    """Nothing; the checkpoints of earlier starts are gone.

    Raises: ServiceDown; OSError naming an object that stayed.
    """
    delete_objects(settings, f"{settings.object_key(FOLDER)}/", but=f"{key}/")
