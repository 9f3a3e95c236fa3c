"""Order-free checksums: equal for equal multisets of rows, whatever order they are read in."""

from pyspark.sql import Column
from pyspark.sql import functions as F

CHECKSUM_TYPE = "decimal(38,0)"


def row_hash(*columns: str) -> Column:
    """A signed 64-bit xxHash of the named columns (seed 42), nulls skipped as Spark does."""
    return F.xxhash64(*columns)


def checksum(hashes: Column) -> Column:
    """The sum of row hashes as text; '0' over no rows.

    A sum finds one lost and one doubled row, which counts do not.
    """
    return F.coalesce(F.sum(hashes.cast(CHECKSUM_TYPE)), F.lit(0)).cast("string")
