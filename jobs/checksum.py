"""Order-free checksums: equal for equal multisets of rows, whatever order they are read in."""

from pyspark.sql import Column
from pyspark.sql import functions as F

CHECKSUM_TYPE = "decimal(38,0)"


def row_hash(*columns: str) -> Column:
    """A signed 64-bit xxHash of the named columns (seed 42), nulls skipped as Spark does."""
    return F.xxhash64(*columns)


def checksum(hashes: Column) -> Column:
    """The sum of row hashes as text; '0' over no rows.

    A sum finds one lost and one doubled row, which counts do not. The halves are summed apart,
    as whole numbers: exact up to 2^32 rows and several times faster than a sum of decimals.
    """
    high = F.sum(F.shiftright(hashes, 32)).cast("decimal(20,0)")
    low = F.sum(hashes.bitwiseAND(F.lit(0xFFFFFFFF))).cast("decimal(20,0)")
    total = high * F.lit(2**32).cast("decimal(10,0)") + low
    return F.coalesce(total, F.lit(0)).cast("string")
