"""The same work on an RDD and on a DataFrame, in a classic Spark session of its own."""

import inspect
import json
import re
import time
from collections.abc import Callable, Iterator
from operator import add
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from answers.labs.classic import session

EVENTS = 2_000_000
FEW = 1_000
LOG_FILES = 4
ENTRIES_IN_FILE = 50
COLUMNS = {
    "event_id": "id",
    "customer_id": "concat('c-', id % 9001)",
    "category": "concat('category ', id * 31 % 7)",
    "quantity": "id % 3 + 1",
    "price_cents": "id * 7919 % 9973 + 100",
    "status": "if(id % 10 = 0, 'cancelled', 'paid')",
}
SCHEMA = """
    event_id long, customer_id string, category string,
    quantity long, price_cents long, status string
"""
TIME_OF_ENTRY = re.compile(r"\d{4}-\d\d-\d\dT")


def revenue_of_lines(spark: SparkSession, lines: str) -> dict[str, int]:
    events = spark.sparkContext.textFile(lines).map(lambda line: line.split(","))
    paid = events.filter(lambda event: event[5] == "paid")
    amounts = paid.map(lambda event: (event[2], int(event[3]) * int(event[4])))
    return dict(amounts.reduceByKey(add).collect())


def revenue_of_columns(events: DataFrame) -> DataFrame:
    is_paid = F.col("status") == "paid"
    revenue_cents = F.sum(F.col("quantity") * F.col("price_cents"))
    return events.where(is_paid).groupBy("category").agg(revenue_cents)


def revenues(spark: SparkSession) -> dict[str, Any]:
    """Revenue three ways over the same events, with seconds and the plan over columns.

    The DataFrames come first: what a fresh JVM costs is theirs to pay.
    """
    events = spark.range(EVENTS, numPartitions=4).selectExpr(
        *(f"{what} AS {name}" for name, what in COLUMNS.items())
    )
    events.write.csv("lines")
    events.write.parquet("columns")
    print(f"{EVENTS:,} events written, as lines and as columns", flush=True)
    of_lines = revenue_of_columns(spark.read.schema(SCHEMA).csv("lines"))
    of_columns = revenue_of_columns(spark.read.parquet("columns"))
    ways: dict[str, Callable[[], dict[str, int]]] = {
        "DataFrame over columns": lambda: dict(map(tuple, of_columns.collect())),
        "DataFrame over lines": lambda: dict(map(tuple, of_lines.collect())),
        "RDD over lines": lambda: revenue_of_lines(spark, "lines"),
    }
    found, seconds = {}, {}
    for name, way in ways.items():
        started = time.monotonic()
        found[name] = way()
        seconds[name] = time.monotonic() - started
        print(f"{name}: {seconds[name]:.1f} s", flush=True)
    return {
        "events": EVENTS,
        "revenue_cents": found,
        "seconds": seconds,
        "plan": of_columns._jdf.queryExecution().executedPlan().toString(),
        "code_lines": {
            "RDD": code_lines(revenue_of_lines),
            "DataFrame": code_lines(revenue_of_columns),
        },
    }


def code_lines(function: Callable[..., Any]) -> int:
    return len(inspect.getsource(function).splitlines()) - 1


def snippets(spark: SparkSession) -> dict[str, Any]:
    """The two examples that everybody shows."""
    rdd = spark.sparkContext.parallelize([1, 2, 3, 4, 5])
    people = spark.createDataFrame([(1, "Alice"), (2, "Bob")], ["id", "name"])
    return {
        "rdd.map": rdd.map(lambda x: x * 2).collect(),
        "df.filter": [row["name"] for row in people.filter(people.id > 1).collect()],
    }


def order_of_steps(spark: SparkSession) -> dict[str, Any]:
    """How often a costly step runs if the filter is written after it, and before it."""
    calls = {}
    for order in ("last", "first"):
        count = spark.sparkContext.accumulator(0)

        def costly(number: int, count: Any = count) -> int:
            count.add(1)
            return number

        numbers = spark.sparkContext.parallelize(range(FEW), 2)
        if order == "last":
            numbers.map(costly).filter(lambda number: number % 10 == 0).count()
        else:
            numbers.filter(lambda number: number % 10 == 0).map(costly).count()
        calls[order] = count.value
    costly_column, is_kept = F.sha2(F.col("customer_id"), 512), F.col("event_id") % 10 == 0
    events = spark.read.parquet("columns")
    last = events.withColumn("costly", costly_column).where(is_kept)
    first = events.where(is_kept).withColumn("costly", costly_column)
    plans = [frame._jdf.queryExecution().optimizedPlan() for frame in (last, first)]
    return {"rdd_calls": calls, "rows": FEW, "same_plan": plans[0].sameResult(plans[1])}


def wrong_names(spark: SparkSession) -> dict[str, str]:
    """What says that a field is not there, and when."""
    found = {}
    fields = spark.sparkContext.textFile("lines").map(lambda line: line.split(","))
    wrong = fields.map(lambda event: event[6])
    try:
        wrong.count()
    except Py4JJavaError as error:
        found["RDD"] = next(word for word in str(error).split() if word.startswith("IndexError"))
    try:
        spark.read.parquet("columns").select("prize_cents")
    except AnalysisException as error:
        found["DataFrame"] = str(error.getCondition())
    return found


def log_text(number: int) -> str:
    """A log as servers write it: some entries have a trace of some lines below them."""
    lines = []
    for entry in range(ENTRIES_IN_FILE):
        lines.append(f"2026-01-05T10:{entry:02}:00Z order={number}-{entry} refused")
        lines += [f"    at step {step}" for step in range(entry % 4)]
    return "\n".join(lines)


def entries(text: str) -> Iterator[tuple[str, int]]:
    """Each entry with the length of its trace: a line without a time belongs to the one above."""
    head, trace = "", 0
    for line in text.splitlines():
        if TIME_OF_ENTRY.match(line):
            if head:
                yield head, trace
            head, trace = line, 0
        else:
            trace += 1
    yield head, trace


def logs(spark: SparkSession) -> dict[str, Any]:
    """The entries of irregular logs as an RDD finds them, and as a reader of rows does."""
    folder = Path("logs")
    folder.mkdir()
    for number in range(LOG_FILES):
        (folder / f"{number}.log").write_text(log_text(number))
    whole = spark.sparkContext.wholeTextFiles("logs")
    found = whole.flatMap(lambda file: list(entries(file[1]))).collect()
    rows = spark.read.option("sep", " ").schema("at timestamp, what string").csv("logs")
    return {
        "entries": sorted(found),
        "rows": rows.count(),
        "orphans": rows.where("at IS NULL").count(),
    }


if __name__ == "__main__":
    classic = session("local[2]")
    print("a classic session runs", flush=True)
    steps = (revenues, snippets, order_of_steps, wrong_names, logs)
    print(json.dumps({step.__name__: step(classic) for step in steps}))
