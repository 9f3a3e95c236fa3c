"""Landing objects as Spark can read them: what it would misread is read from a copy beside it.

Spark passes over names that begin with `_` or `.`, takes `=` in a folder's name for a column and
`//` for `/`; Hadoop refuses gzip that gzip itself reads. So only plain text under an ordinary name
is read where it lies.
"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast

from minio import Minio
from minio.commonconfig import CopySource

from jobs.objects import opened
from jobs.session import object_store
from jobs.settings import Settings

ORDINARY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")
UNFINISHED = "._COPYING_"  # Hadoop's own copies; Spark passes over them too
GZIP = ".gz"
# Spark unpacks by the ending of a name; what suppliers may send packed is gzip alone.
PACKED = (".bz2", ".zst", ".zstd", ".lz4", ".snappy", ".deflate")
CHUNK_BYTES = 2**20
IN_MEMORY_BYTES = 2**26
# A few MB of gzip can hold more than any disk.
MOST_UNPACKED_BYTES = 2**31


@dataclass(frozen=True)
class Delivery:
    """One object of a landing area, as it was when it was listed."""

    path: str
    etag: str
    ingested_at: datetime
    size_bytes: int


@contextmanager
def readable(settings: Settings, found: list[Delivery]) -> Iterator[dict[str, Delivery]]:
    """The deliveries that hold lines by the key under which Spark reads them, for a block.

    Left out are empty ones, and those that are packed in another way or not whole.
    Raises: ServiceDown.
    """
    store = object_store(settings)
    keys: dict[str, Delivery] = {}
    copies: list[str] = []
    try:
        for each in found:
            if is_plain(each.path):
                keys |= {each.path: each} if each.size_bytes else {}
                continue
            name = hashlib.sha256(f"{each.path}\n{each.etag}".encode()).hexdigest()
            copy = settings.object_key(f"readable/{name}")
            copies.append(copy)
            if _copied(store, settings.s3_bucket, each, copy):
                keys[copy] = each
        yield keys
    finally:
        for copy in copies:
            store.remove_object(settings.s3_bucket, copy)


def is_plain(path: str) -> bool:
    """Whether Spark reads an object of this name, as it is."""
    is_ordinary = ORDINARY.fullmatch(path) and not path.endswith(UNFINISHED)
    return bool(is_ordinary) and _ending(path) not in (GZIP, *PACKED)


def _ending(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def _copied(store: Minio, bucket: str, delivery: Delivery, copy: str) -> bool:
    """Whether a copy with at least one line was made."""
    if not delivery.size_bytes or _ending(delivery.path) in PACKED:
        return False
    if _ending(delivery.path) != GZIP:
        store.copy_object(bucket, copy, CopySource(bucket, delivery.path))
        return True
    with SpooledTemporaryFile(IN_MEMORY_BYTES) as plain:
        size_bytes = _unpack(store, bucket, delivery.path, plain)
        if size_bytes:
            plain.seek(0)
            store.put_object(bucket, copy, cast(BinaryIO, plain), size_bytes)
    return bool(size_bytes)


def _unpack(store: Minio, bucket: str, path: str, plain: IO[bytes]) -> int:
    """How many bytes were unpacked; 0 if the object is not whole gzip, or holds too many."""
    size_bytes = 0
    try:
        with opened(store, bucket, path) as packed, gzip.open(packed) as unpacked:
            while chunk := unpacked.read(CHUNK_BYTES):
                size_bytes += plain.write(chunk)
                if size_bytes > MOST_UNPACKED_BYTES:
                    return 0
        return size_bytes
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return 0


def first_bytes(settings: Settings, delivery: Delivery) -> bytes:
    """What an object begins with, at most CHUNK_BYTES of it."""
    if not delivery.size_bytes:
        return b""
    store, bucket = object_store(settings), settings.s3_bucket
    with opened(store, bucket, delivery.path, CHUNK_BYTES) as response:
        return bytes(response.read())
