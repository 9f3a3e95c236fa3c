"""Bodies as they travel: compressed, and compressed in pieces."""

import gzip
import zlib

import lz4.frame
from backports import zstd

from infra.clickhouse.errors import CANNOT_DECOMPRESS, NOT_IMPLEMENTED, refusal

_FAST = 1


def decode(body: bytes, encoding: str) -> bytes:
    """The body without its compression.

    Raises: QueryError 271 for damaged bytes, 48 for an encoding not spoken here.
    """
    try:
        match encoding:
            case "" | "identity":
                return body
            case "lz4":
                return _decode_lz4(body)
            case "zstd":
                return zstd.decompress(body)
            case "gzip":
                return gzip.decompress(body)
            case "deflate":
                return zlib.decompress(body)
    except (RuntimeError, EOFError, OSError, zlib.error, zstd.ZstdError) as error:
        raise refusal(
            CANNOT_DECOMPRESS, f"The body is no whole {encoding} stream: {error}. Send it again."
        ) from error
    raise refusal(
        NOT_IMPLEMENTED,
        f"Content-Encoding {encoding!r} is unknown. Use lz4, zstd, gzip or deflate.",
    )


def encode(body: bytes, accepted: str) -> tuple[bytes, str]:
    """The body in the first accepted compression, and its name; the name is empty if none fits."""
    for choice in accepted.split(","):
        match choice.partition(";")[0].strip():
            case "lz4":
                return lz4.frame.compress(body), "lz4"
            case "zstd":
                return zstd.compress(body, _FAST), "zstd"
            case "gzip":
                return gzip.compress(body, _FAST), "gzip"
            case "deflate":
                return zlib.compress(body, _FAST), "deflate"
    return body, ""


def _decode_lz4(body: bytes) -> bytes:
    """All frames: the client sends one per block, and a plain decompress stops after the first."""
    rest = memoryview(body)
    frames = []
    while rest:
        frame, consumed = lz4.frame.decompress(rest, return_bytes_read=True)
        frames.append(frame)
        rest = rest[consumed:]
    return b"".join(frames)
