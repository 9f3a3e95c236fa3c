"""The checksum: Spark's numbers, and what it notices that a count does not."""

import pytest

from generators.checksum import Tally, xxhash64
from generators.truth import tally_of

# What `SELECT xxhash64(value)` gives in Spark 4.1.3, for binary and string columns alike.
SPARK_HASHES = {
    "": -7444071767201028348,
    "a": -8582455328737087284,
    '{"order_id":"o-20260105-7-0000000","total_cents":19897}': -4145338157495789931,
    "Crème Brûlée Torch": -7247540992014415838,
}
SPARK_SUM = -27419406245448321401


@pytest.mark.parametrize(("text", "spark_hash"), SPARK_HASHES.items())
def test_a_hash_is_the_one_spark_computes(text: str, spark_hash: int) -> None:
    assert xxhash64(text.encode()) == spark_hash


def test_a_checksum_is_sparks_sum_beyond_64_bits() -> None:
    assert tally_of(text.encode() for text in SPARK_HASHES) == Tally(4, SPARK_SUM)


def test_the_order_of_records_does_not_matter() -> None:
    assert tally_of([b"a", b"b", b"c"]) == tally_of([b"c", b"a", b"b"])


def test_one_lost_and_another_doubled_is_noticed() -> None:
    assert tally_of([b"a", b"b"]).count == tally_of([b"a", b"a"]).count
    assert tally_of([b"a", b"b"]) != tally_of([b"a", b"a"])


def test_tallies_add_up_and_come_apart() -> None:
    some, others = tally_of([b"a", b"b"]), tally_of([b"c"])
    assert some + others == tally_of([b"a", b"b", b"c"])
    assert some + others - some == others
