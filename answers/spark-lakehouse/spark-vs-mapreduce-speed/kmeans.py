"""Ten passes of k-means over customers: through disk after each stage, from the file, from memory.

A stand-in for MapReduce, not Hadoop: the engine is the same for all three ways, so that only the
place of the data between the stages differs.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from answers.labs.classic import jvm, session

CUSTOMERS = 500_000
PASSES = 10
FEATURES = ("recency_days", "orders_count", "spent_cents")
SCHEMA = ", ".join(f"{name} bigint" for name in ("customer_id", *FEATURES))
ASSIGNED_SCHEMA = f"cluster int, {SCHEMA}"
FIRST_CENTRES = [[30.0, 30.0, 9000.0], [180.0, 10.0, 4000.0], [330.0, 20.0, 500.0]]
DRAWN = {
    "customer_id": "id",
    "recency_days": "id * 7919 % 365",
    "orders_count": "id * 104729 % 41",
    "spent_cents": "id * 1299709 % 9973",
}
Centres = list[list[float]]
Step = Callable[[Centres, int], Centres]


def assigned(customers: DataFrame, centres: Centres) -> DataFrame:
    """The map stage: each customer with the number of the nearest centre."""
    distances = F.array(*(distance(centre) for centre in centres))
    nearest = F.array_position(distances, F.array_min(distances)).cast("int")
    return customers.select(nearest.alias("cluster"), "*")


def distance(centre: list[float]) -> Any:
    first, *others = (
        (F.col(name) - F.lit(at)) * (F.col(name) - F.lit(at))
        for name, at in zip(FEATURES, centre, strict=True)
    )
    return sum(others, first)


def sums(clusters: DataFrame) -> DataFrame:
    """The reduce stage: of each cluster its size and the sums, of integers and so exact."""
    return clusters.groupBy("cluster").agg(F.count("*"), *(F.sum(name) for name in FEATURES))


def middles(rows: DataFrame) -> Centres:
    """The middle of each cluster, in the order of their numbers."""
    clusters = sorted(tuple(row) for row in rows.collect())
    return [[total / size for total in totals] for _, size, *totals in clusters]


def through_disk(spark: SparkSession) -> Step:
    """A pass as two jobs that know each other by files only."""

    def step(centres: Centres, number: int) -> Centres:
        customers = spark.read.schema(SCHEMA).csv("customers")
        assigned(customers, centres).write.csv(f"assigned/{number}")
        clusters = spark.read.schema(ASSIGNED_SCHEMA).csv(f"assigned/{number}")
        sums(clusters).write.csv(f"sums/{number}")
        return middles(spark.read.csv(f"sums/{number}", inferSchema=True))

    return step


def from_file(spark: SparkSession) -> Step:
    customers = spark.read.schema(SCHEMA).csv("customers")
    return lambda centres, _: middles(sums(assigned(customers, centres)))


def from_memory(spark: SparkSession) -> Step:
    customers = spark.read.schema(SCHEMA).csv("customers").cache()
    return lambda centres, _: middles(sums(assigned(customers, centres)))


def measured(spark: SparkSession, way: Callable[[SparkSession], Step], passes: int) -> Any:
    """Centres, seconds of each pass, and bytes of files read and written."""
    before = file_bytes(spark)
    step, centres, seconds = way(spark), FIRST_CENTRES, []
    for number in range(passes):
        started = time.monotonic()
        centres = step(centres, number)
        seconds.append(time.monotonic() - started)
    after = file_bytes(spark)
    read, written = (now - then for now, then in zip(after, before, strict=True))
    print(f"{way.__name__}, {passes} passes: {sum(seconds):.1f} s", flush=True)
    return {"centres": centres, "seconds": seconds, "read": read, "written": written}


def file_bytes(spark: SparkSession) -> tuple[int, int]:
    """What this Spark has read from files and written to them, as its file system counts it."""
    every = jvm(spark).org.apache.hadoop.fs.FileSystem.getAllStatistics()
    local = [each for each in every if each.getScheme() == "file"]
    return sum(e.getBytesRead() for e in local), sum(e.getBytesWritten() for e in local)


def main() -> dict[str, Any]:
    spark = session("local[2]")
    drawn = spark.range(CUSTOMERS, numPartitions=4)
    before = file_bytes(spark)[1]
    drawn.selectExpr(*(f"{what} AS {name}" for name, what in DRAWN.items())).write.csv("customers")
    size = file_bytes(spark)[1] - before
    print(f"{CUSTOMERS:,} customers written, {size:,} bytes", flush=True)
    measured(spark, from_file, 1)  # the code of the plan is compiled; nobody pays for it below
    ways = (through_disk, from_file, from_memory)
    found = {way.__name__: measured(spark, way, PASSES) for way in ways}
    spark.catalog.clearCache()
    once = {way.__name__: measured(spark, way, 1) for way in (from_file, from_memory)}
    return {"customers": CUSTOMERS, "file_bytes": size, "passes": found, "one_pass": once}


if __name__ == "__main__":
    print(json.dumps(main()))
