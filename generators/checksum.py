"""A checksum that does not depend on order, equal to Spark's `sum(xxhash64(value))`."""

from dataclasses import dataclass
from typing import Self

import xxhash

SPARK_SEED = 42
_SIGN_BIT = 1 << 63
_TWO_TO_64 = 1 << 64


def xxhash64(value: bytes) -> int:
    """The signed 64-bit number that Spark's `xxhash64` gives for these bytes."""
    unsigned: int = xxhash.xxh64_intdigest(value, SPARK_SEED)
    return unsigned - _TWO_TO_64 if unsigned >= _SIGN_BIT else unsigned


@dataclass
class Tally:
    """How many records there were, and the sum of their hashes.

    The sum is unbounded, like Spark's `sum(cast(xxhash64(value) as decimal(38,0)))`.
    """

    count: int = 0
    checksum: int = 0

    def add(self, value: bytes) -> None:
        """Count one more record."""
        self.count += 1
        self.checksum += xxhash64(value)

    def __add__(self, other: Self) -> "Tally":
        return Tally(self.count + other.count, self.checksum + other.checksum)

    def __sub__(self, other: Self) -> "Tally":
        return Tally(self.count - other.count, self.checksum - other.checksum)
