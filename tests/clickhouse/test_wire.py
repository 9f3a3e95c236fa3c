import gzip
import zlib

import lz4.frame
import pytest
from backports import zstd

from infra.clickhouse.errors import QueryError
from infra.clickhouse.wire import decode, encode

BLOCKS = [b"first block " * 1000, b"second", b"third"]


def test_every_lz4_frame_is_decoded() -> None:
    body = b"".join(lz4.frame.compress(block) for block in BLOCKS)
    assert decode(body, "lz4") == b"".join(BLOCKS)


def test_every_zstd_frame_is_decoded() -> None:
    body = b"".join(zstd.compress(block) for block in BLOCKS)
    assert decode(body, "zstd") == b"".join(BLOCKS)


def test_every_gzip_member_is_decoded() -> None:
    body = b"".join(gzip.compress(block) for block in BLOCKS)
    assert decode(body, "gzip") == b"".join(BLOCKS)


def test_deflate_and_plain_bodies_are_decoded() -> None:
    assert decode(zlib.compress(BLOCKS[0]), "deflate") == BLOCKS[0]
    assert decode(BLOCKS[0], "") == BLOCKS[0]


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip", "deflate"])
def test_encoded_body_is_decoded_again(encoding: str) -> None:
    body, used = encode(BLOCKS[0], f"{encoding}, br;q=0.5")
    assert (decode(body, encoding), used) == (BLOCKS[0], encoding)


def test_the_clients_first_choice_that_is_spoken_wins() -> None:
    assert encode(b"x", "br, zstd;q=0.9, lz4")[1] == "zstd"


def test_body_stays_plain_if_nothing_fits() -> None:
    assert encode(b"x", "br") == (b"x", "")


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip", "deflate"])
def test_garbage_is_refused(encoding: str) -> None:
    with pytest.raises(QueryError) as refused:
        decode(b"no such stream, whatever the header says", encoding)
    assert refused.value.code == 271


def test_truncated_last_lz4_frame_is_refused() -> None:
    body = lz4.frame.compress(BLOCKS[0]) + lz4.frame.compress(BLOCKS[1])[:-3]
    with pytest.raises(QueryError) as refused:
        decode(body, "lz4")
    assert refused.value.code == 271


def test_unknown_encoding_is_refused() -> None:
    with pytest.raises(QueryError) as refused:
        decode(b"x", "br")
    assert refused.value.code == 48
