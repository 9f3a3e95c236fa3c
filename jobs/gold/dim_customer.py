"""Customers to group by, as they were when something happened."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

UNKNOWN_KEY = -1
UNKNOWN = "unknown"
BEGINNING = "1970-01-01 00:00:00"


def transform(customers: DataFrame, addresses: DataFrame) -> DataFrame:
    """Every version of every customer, and one row for customers the shop does not know.

    The country is that of the customer's newest address and the same for all versions.
    """
    named = customers.where(~F.col("is_deleted")).join(
        _countries(addresses), on="customer_id", how="left"
    )
    versions = named.select(
        "customer_key",
        "customer_id",
        "segment",
        F.coalesce("country", F.lit(UNKNOWN)).alias("country"),
        "effective_from",
        "effective_to",
        "is_current",
    )
    one_row = customers.agg(F.count("*"))
    unknown = one_row.select(
        F.lit(UNKNOWN_KEY).cast("bigint").alias("customer_key"),
        F.lit(UNKNOWN).alias("customer_id"),
        F.lit(UNKNOWN).alias("segment"),
        F.lit(UNKNOWN).alias("country"),
        F.lit(BEGINNING).cast("timestamp").alias("effective_from"),
        F.lit(None).cast("timestamp").alias("effective_to"),
        F.lit(True).alias("is_current"),
    )
    return versions.unionByName(unknown)


def _countries(addresses: DataFrame) -> DataFrame:
    age = F.struct("updated_at", "address_id")
    lived_at = addresses.where(~F.col("is_deleted"))
    return lived_at.groupBy("customer_id").agg(F.max_by("country", age).alias("country"))
