"""Packed landing files: a damaged one must not stop the files that are whole."""

import gzip
import zlib
from pathlib import PurePosixPath

from minio import Minio

GZIP = ".gz"
# Spark unpacks by the ending of a name; what suppliers may send packed is gzip alone.
PACKED = (GZIP, ".bz2", ".zst", ".zstd", ".lz4", ".snappy", ".deflate")
CHUNK_BYTES = 2**20


def is_readable(store: Minio, bucket: str, path: str) -> bool:
    """Whether the lines of an object can be read: it is not packed, or it is whole gzip."""
    suffix = PurePosixPath(path).suffix
    if suffix not in PACKED:
        return True
    return suffix == GZIP and _is_whole_gzip(store, bucket, path)


def _is_whole_gzip(store: Minio, bucket: str, path: str) -> bool:
    response = store.get_object(bucket, path)
    try:
        with gzip.open(response) as unpacked:
            while unpacked.read(CHUNK_BYTES):
                pass
        return True
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False
    finally:
        response.close()
        response.release_conn()


def first_bytes(store: Minio, bucket: str, path: str) -> bytes:
    """What an object begins with, at most CHUNK_BYTES of it."""
    response = store.get_object(bucket, path, length=CHUNK_BYTES)
    try:
        return bytes(response.read())
    finally:
        response.close()
        response.release_conn()
