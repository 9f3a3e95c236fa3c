"""Five workloads in one session, four languages, two sizes of machine, and too little memory."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from answers.evidence import Evidence, at_least, less_than, more_than
from answers.labs.classic import run_script
from generators.run import Defects
from generators.shop import simulate
from jobs.session import release, spark
from jobs.settings import Settings

SCRIPT = Path(__file__).with_name("laptop.py")
DAY = date(2026, 1, 5)
ORDERS = 500
SEED = 7
LOGINS = 100
PEOPLE = 150
ORDER_COLUMNS = "order_id string, currency string, units bigint, total_cents bigint"
SMALLEST_DIFFERENCE = 1e-6
IN_ONE_PROCESS = """
import resource, sys
from hashlib import sha256
memory, rows = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
text = lambda number: sha256(str(number).encode()).hexdigest() * 16
print(len(sorted((number * 7919 % rows, text(number)) for number in range(rows))))
"""
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def found() -> Mapping[str, Any]:
    return run_script(SCRIPT)


def shop_orders() -> Rows:
    """A day's orders of the shop, without its usual defects."""
    rows = []
    for message in simulate(DAY, ORDERS, SEED, Defects.totalling(0)):
        if message.topic == "orders":
            order = json.loads(message.value)
            units = sum(item["quantity"] for item in order["items"])
            rows.append((order["order_id"], order["currency"], units, order["total_cents"]))
    return rows


def shared_devices() -> list[tuple[str, str]]:
    """Who logged in on which device; people who share one belong together."""
    rng = Random(SEED)
    return [(f"c-{rng.randrange(PEOPLE)}", f"d-{rng.randrange(PEOPLE)}") for _ in range(LOGINS)]


def batch(orders: DataFrame) -> Rows:
    return rows_of(orders.groupBy("currency").agg(F.sum("total_cents")))


def sql(session: SparkSession, path: str) -> Rows:
    query = f"SELECT currency, sum(total_cents) FROM delta.`{path}` GROUP BY currency"
    return rows_of(session.sql(query))


def streaming(session: SparkSession, path: str, settings: Settings) -> Rows:
    """The same sums from a stream that takes all there is and ends."""
    target = settings.table_path("lab.revenue")
    arriving = session.readStream.format("delta").load(path)
    sums = arriving.groupBy("currency").agg(F.sum("total_cents").alias("cents"))
    checkpoint = settings.table_path("lab.revenue_checkpoint")
    writer = sums.writeStream.format("delta").outputMode("complete").trigger(availableNow=True)
    writer.option("checkpointLocation", checkpoint).start(target).awaitTermination()
    return rows_of(session.read.format("delta").load(target))


def machine_learning(orders: DataFrame) -> Rows:
    """What a unit costs on average and what is paid besides: a line through all orders."""
    points = VectorAssembler(inputCols=["units"], outputCol="features").transform(orders)
    model = LinearRegression(labelCol="total_cents").fit(points)
    return [(float(model.coefficients[0]), model.intercept)]


def graph(session: SparkSession) -> Rows:
    """Connected components: each takes the smallest name it hears of, until none changes."""
    logins = session.createDataFrame(shared_devices(), "a string, b string").distinct()
    edges = logins.union(logins.select("b", "a")).localCheckpoint()
    labels = edges.select("a", F.col("a").alias("label")).distinct()
    has_changed = True
    while has_changed:
        heard = edges.join(labels.toDF("b", "heard"), on="b", how="inner")
        smallest = heard.groupBy("a").agg(F.min("heard").alias("heard"))
        joined = labels.join(smallest, on="a", how="inner")
        is_smaller = F.col("heard") < F.col("label")
        label = F.least("label", "heard").alias("label")
        spread = joined.select("a", label, is_smaller.alias("is_changed")).localCheckpoint()
        has_changed = not spread.where("is_changed").isEmpty()
        labels = spread.select("a", "label")
    return rows_of(labels)


def rows_of(frame: DataFrame) -> Rows:
    return sorted(tuple(row) for row in frame.collect())


def true_sums(orders: Rows) -> Rows:
    sums: Counter[str] = Counter()
    for _, currency, _, cents in orders:
        sums[currency] += cents
    return sorted(sums.items())


def true_components(edges: list[tuple[str, str]]) -> Rows:
    """The same components by merging sets."""
    owner: dict[str, set[str]] = {}
    for pair in edges:
        merged = {name for end in pair for name in owner.get(end, {end})}
        owner.update(dict.fromkeys(merged, merged))
    return sorted((name, min(group)) for name, group in owner.items())


def test_one_session_runs_batch_streaming_sql_machine_learning_and_a_graph(
    settings: Settings, evidence: Evidence
) -> None:
    session, path, orders = spark(settings), settings.table_path("lab.orders"), shop_orders()
    session.createDataFrame(orders, ORDER_COLUMNS).write.format("delta").save(path)
    table = session.read.format("delta").load(path)
    workloads: dict[str, Callable[[], Rows]] = {
        "batch": lambda: batch(table),
        "SQL": lambda: sql(session, path),
        "streaming": lambda: streaming(session, path, settings),
        "machine learning": lambda: machine_learning(table),
        "graph": lambda: graph(session),
    }
    results, shown = {}, []
    for name, workload in workloads.items():
        started = time.monotonic()
        results[name] = workload()
        shown.append((name, len(results[name]), round(time.monotonic() - started, 1)))
    release(settings)
    evidence.table("five workloads, one session", ("workload", "rows out", "seconds"), shown)
    assert results["batch"] == results["SQL"] == results["streaming"] == true_sums(orders)
    assert results["graph"] == true_components(shared_devices())
    units, cents = np.array([row[2:] for row in orders], dtype=float).T
    off = np.abs(np.polyfit(units, cents, 1) / np.array(results["machine learning"][0]) - 1).max()
    evidence("model against numpy", float(off), less_than(SMALLEST_DIFFERENCE), "relative")
    evidence("workloads with the true result", len(results), 5, "workloads")
    evidence("orders of the shop", len(orders), ORDERS, "orders")
    groups = len({label for _, label in results["graph"]})
    evidence("groups of people and devices", groups, more_than(1), "groups")


def test_one_question_gives_the_same_rows_in_python_sql_scala_and_java(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    asked = found["languages"]
    truth: Counter[str] = Counter()
    for number in range(10_000):
        cents = number * 7919 % 997
        truth[("EUR", "USD", "PLN")[number % 3]] += cents if cents > 500 else 0
    for language, rows in asked.items():
        assert [tuple(row) for row in rows] == sorted(truth.items()), language
    evidence("languages with the true rows", len(asked), 4, "languages")
    evidence.table("what each of them got", ("currency", "cents"), asked["Java"])


def test_one_job_runs_on_one_core_or_two_and_finds_the_same(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    one, two = found["local[1]"], found["local[2]"]
    assert one["result"] == two["result"]
    evidence("tasks of the job", one["tasks"], two["tasks"], "tasks")
    evidence("at once on one core", one["at_once"], 1, "task")
    evidence("at once on two cores", two["at_once"], 2, "tasks")
    evidence("on one core", one["seconds"], unit="s")
    evidence("on two cores", two["seconds"], unit="s")
    evidence("speed-up", one["seconds"] / two["seconds"], unit="times")


def test_an_input_of_several_times_the_memory_is_sorted_by_spilling_to_disk(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    shown, mega = found["spilled"], 1_000_000
    size = found["rows"] * found["row_bytes"]
    evidence("bytes in", shown["byte_count"] // mega, size // mega, "MB")
    evidence("heap", shown["heap_bytes"] // mega, unit="MB")
    evidence("input to heap", shown["byte_count"] / shown["heap_bytes"], at_least(3), "times")
    evidence("rows in wrong places", shown["misplaced"], 0, "rows")
    evidence("rows sorted", shown["row_count"], found["rows"], "rows")
    evidence("spilled from memory", shown["spilled_from_memory"] // mega, more_than(0), "MB")
    evidence("spilled to disk", shown["spilled_to_disk"] // mega, more_than(0), "MB")
    evidence("to sort it", shown["seconds"], unit="s")


@pytest.mark.control
def test_one_python_process_of_that_memory_fails_on_the_same_input(
    found: Mapping[str, Any], evidence: Evidence
) -> None:
    def sort(rows: int) -> subprocess.CompletedProcess[str]:
        arguments = [str(found["spilled"]["heap_bytes"]), str(rows)]
        command = [sys.executable, "-c", IN_ONE_PROCESS, *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    few = found["rows"] // 100
    evidence("a hundredth of the rows, sorted", int(sort(few).stdout), few, "rows")
    evidence("all of the rows", sort(found["rows"]).stderr.split()[-1], "MemoryError")
