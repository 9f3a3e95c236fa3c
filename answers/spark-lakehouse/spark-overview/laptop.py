"""Spark in one small process: four languages, one and two cores, more data than memory."""

import json
import time
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from answers.labs.classic import jvm, monitored, session

HEAP = "576m"
ORDERS = 10_000
HASHED = 3_000_000
PARTITIONS = 8
ROWS = 1_800_000
ROW_BYTES = 1_024
STEP = 7_919  # prime, and no divisor of ROWS: id * STEP % ROWS meets each number once
BUCKETS = 4
TIME = "%Y-%m-%dT%H:%M:%S.%fGMT"
SETTINGS = {
    "spark.driver.memory": HEAP,
    # A small heap needs room beside Spark's own share: buffers of the shuffle are not in it.
    "spark.memory.fraction": "0.4",
    "spark.reducer.maxSizeInFlight": "8m",
    "spark.sql.adaptive.coalescePartitions.enabled": "false",
}

SQL = "SELECT currency, sum(cents) AS cents FROM orders WHERE cents > 500 GROUP BY currency"
SCALA = """
import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.functions.{col, sum}
SparkSession.active.table("orders").where(col("cents") > 500)
  .groupBy("currency").agg(sum("cents").as("cents"))
"""
JAVA = """
import static org.apache.spark.sql.functions.*;
return org.apache.spark.sql.SparkSession.active().table("orders").where(col("cents").gt(lit(500)))
  .groupBy("currency", new String[0])
  .agg(sum("cents").as("cents"), new org.apache.spark.sql.Column[0]);
"""


def in_python(spark: SparkSession) -> DataFrame:
    is_large = F.col("cents") > 500
    orders = spark.table("orders").where(is_large)
    return orders.groupBy("currency").agg(F.sum("cents").alias("cents"))


def in_scala(spark: SparkSession) -> DataFrame:
    """What Scala source gives, compiled in Spark's own process."""
    engine = jvm(spark).javax.script.ScriptEngineManager().getEngineByName("scala")
    return DataFrame(engine.eval(SCALA), spark)


def in_java(spark: SparkSession) -> DataFrame:
    """What Java source gives, compiled by the compiler that Spark has for its own plans."""
    code = jvm(spark).org.codehaus.janino.ScriptEvaluator()
    code.setReturnType(jvm(spark).java.lang.Class.forName("org.apache.spark.sql.Dataset"))
    code.cook(JAVA)
    return DataFrame(code.evaluate(None), spark)


def languages(spark: SparkSession) -> dict[str, Any]:
    """The rows of one question, asked in four languages."""
    drawn = "element_at(array('EUR', 'USD', 'PLN'), int(id % 3) + 1) AS currency"
    spark.range(ORDERS).selectExpr(drawn, "id * 7919 % 997 AS cents").createTempView("orders")
    asked = {
        "Python": in_python(spark),
        "SQL": spark.sql(SQL),
        "Scala": in_scala(spark),
        "Java": in_java(spark),
    }
    return {name: sorted(map(list, frame.collect())) for name, frame in asked.items()}


def hashed(spark: SparkSession, numbers: int) -> int:
    """A sum that takes a while to compute, in eight tasks."""
    bits = F.expr("crc32(sha2(cast(id AS string), 512))")
    [[result]] = spark.range(numbers, numPartitions=PARTITIONS).select(F.sum(bits)).collect()
    return int(result)


def cores(spark: SparkSession) -> dict[str, Any]:
    """A job: its result, its seconds, and how many of its tasks ran at once."""
    hashed(spark, HASHED // 10)  # the first job of a session pays for what the next ones use
    started = time.monotonic()
    result = hashed(spark, HASHED)
    seconds = time.monotonic() - started
    stages = monitored(spark, "stages")
    newest = max(stage["stageId"] for stage in stages if stage["numCompleteTasks"] == PARTITIONS)
    tasks = monitored(spark, f"stages/{newest}/0/taskList")
    spans = []
    for task in tasks:
        launched = datetime.strptime(task["launchTime"], TIME).timestamp() * 1000
        spans.append((launched, launched + task["taskMetrics"]["executorRunTime"]))
    at_once = max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
    print(f"{spark.sparkContext.master}: {seconds:.1f} s", flush=True)
    return {"result": result, "seconds": seconds, "tasks": len(tasks), "at_once": at_once}


def spilled(spark: SparkSession) -> dict[str, Any]:
    """Rows of one kilobyte sorted in a fraction of the memory they need, and checked."""
    rows = spark.range(ROWS, numPartitions=PARTITIONS).selectExpr(
        f"id * {STEP} % {ROWS} AS key",
        f"repeat(sha2(cast(id AS string), 256), {ROW_BYTES // 64}) AS payload",
    )
    rows.createTempView("shuffled")
    started = time.monotonic()
    [found] = spark.sql(f"""
        SELECT count(*) AS row_count, sum(length(payload)) AS byte_count,
               count_if(place != key div {BUCKETS}) AS misplaced
        FROM (SELECT key, payload, row_number() OVER (PARTITION BY key % {BUCKETS} ORDER BY key)
                     - 1 AS place FROM shuffled)
    """).collect()
    stages = monitored(spark, "stages")
    print(f"{found.byte_count:,} bytes sorted in a heap of {HEAP}", flush=True)
    return found.asDict() | {
        "heap_bytes": jvm(spark).java.lang.Runtime.getRuntime().maxMemory(),
        "spilled_from_memory": sum(stage["memoryBytesSpilled"] for stage in stages),
        "spilled_to_disk": sum(stage["diskBytesSpilled"] for stage in stages),
        "seconds": time.monotonic() - started,
    }


def main() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for master in ("local[1]", "local[2]"):
        spark = session(master, SETTINGS)
        found[master] = cores(spark)
        if master == "local[1]":
            spark.stop()
    found["spilled"] = spilled(spark)
    found["languages"] = languages(spark)
    print("asked in", ", ".join(found["languages"]), flush=True)
    return found | {"rows": ROWS, "row_bytes": ROW_BYTES}


if __name__ == "__main__":
    print(json.dumps(main()))
