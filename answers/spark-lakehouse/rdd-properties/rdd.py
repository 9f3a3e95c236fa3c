"""An RDD on a cluster of two workers: its parts, its cache, and an executor killed in its job."""

import json
import os
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from operator import add
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark import RDD, SparkContext
from pyspark.sql import SparkSession

from answers.labs.classic import monitored
from answers.labs.standalone import await_executors, executor_pid, executors, standalone
from answers.labs.waiting import wait_until

WORKERS = 2
ORDERS = 8_000
PARTITIONS = 8
CUSTOMERS = 10
Pairs = Iterable[tuple[int, int]]


class Trace:
    """A folder that every computation of a partition leaves a note in."""

    def __init__(self, name: str) -> None:
        self.folder = Path.cwd() / name
        self.folder.mkdir()

    def note(self, partition: int) -> None:
        (self.folder / f"{partition}.{executor_pid()}").touch()

    def computed(self) -> dict[int, set[int]]:
        """The partitions that each executor has computed, by its process."""
        found: dict[int, set[int]] = {}
        for path in self.folder.iterdir():
            partition, pid = map(int, path.name.split("."))
            found.setdefault(pid, set()).add(partition)
        return found


def order_lines(context: SparkContext, trace: Trace) -> RDD[tuple[int, int]]:
    """Orders as pairs of customer and cents. Each partition is noted as it is computed.

    The first ones wait until all executors have one.
    """

    def read(partition: int, numbers: Iterable[int]) -> Pairs:
        trace.note(partition)
        wait_until(lambda: len(trace.computed()) >= WORKERS, "work on every executor")
        return ((number % CUSTOMERS, number * 7919 % 9973) for number in numbers)

    return context.parallelize(range(ORDERS), PARTITIONS).mapPartitionsWithIndex(read)


def parts(context: SparkContext) -> dict[str, Any]:
    """Partitions, where they lie, and the lineage."""
    trace = Trace("parts")
    orders = order_lines(context, trace)
    totals = orders.reduceByKey(add, WORKERS)
    sums = dict(totals.collect())
    lineage = (totals.toDebugString() or b"").decode()
    return {
        "partitions": orders.getNumPartitions(),
        "on_executors": sorted(map(sorted, trace.computed().values())),
        "lineage": [line.split(" at ")[0].strip() for line in lineage.splitlines()],
        "sums": {str(customer): cents for customer, cents in sums.items()},
    }


def changes(context: SparkContext) -> dict[str, Any]:
    """What becomes of an RDD that somebody tries to change."""
    rows = context.parallelize([[1], [2], [3]], WORKERS).cache()

    def grow(row: list[int]) -> list[int]:
        row.append(0)
        return row

    grown = rows.map(grow)
    try:
        rows[0] = [9]  # type: ignore[index]
    except TypeError as error:
        refused = str(error)
    found = {"grown": grown.collect(), "rows": rows.collect(), "refused": refused}
    rows.unpersist(blocking=True)
    return found


def caching(context: SparkContext) -> dict[str, Any]:
    """How often rows are computed for two actions, and what of them is in memory."""
    found = {}
    for name in ("not cached", "cached"):
        count = context.accumulator(0)

        def costly(number: int, count: Any = count) -> int:
            count.add(1)
            return number

        rows = context.parallelize(range(ORDERS), PARTITIONS).map(costly)
        if name == "cached":
            rows.cache()
        level = str(rows.getStorageLevel())
        total = rows.sum()
        in_memory = sum(info.memSize() for info in context._jsc.sc().getRDDStorageInfo())
        again = rows.sum()
        found[name] = {
            "level": level,
            "rows_computed": count.value,
            "bytes_in_memory": in_memory,
            "same": total == again == sum(range(ORDERS)),
        }
        rows.unpersist(blocking=True)
    return found


def killed(cluster: SparkSession) -> dict[str, Any]:
    """A job whose executor is killed between its two stages: what is computed again."""
    trace, at_gate, gate = Trace("killed"), Trace("gate"), Path.cwd() / "open"

    def wait_at_gate(partition: int, sums: Pairs) -> Pairs:
        at_gate.note(partition)
        wait_until(gate.exists, "the gate's opening")
        return sums

    totals = order_lines(cluster.sparkContext, trace).reduceByKey(add, WORKERS)
    with ThreadPoolExecutor() as pool:
        job = pool.submit(totals.mapPartitionsWithIndex(wait_at_gate).collect)
        wait_until(lambda: len(at_gate.computed()) == WORKERS, "the second stage")
        before = trace.computed()
        victim = max(before, key=lambda pid: len(before[pid]))
        os.kill(victim, signal.SIGKILL)
        print(f"executor {victim} killed, it had {len(before[victim])} partitions", flush=True)
        wait_until(lambda: executors(cluster, is_active=False), "the executor's loss")
        lost = len(executors(cluster, is_active=False))
        gate.touch()
        sums = dict(job.result())
    again = [p for pid, ps in trace.computed().items() for p in ps - before.get(pid, set())]
    stages = monitored(cluster, "stages")
    return {
        "executors_lost": lost,
        "partitions_lost": sorted(before[victim]),
        "computed_again": sorted(again),
        "tasks_failed": sum(stage["numFailedTasks"] for stage in stages),
        "sums": {str(customer): cents for customer, cents in sums.items()},
    }


def killed_without_lineage(cluster: SparkSession) -> dict[str, Any]:
    """The same loss for an RDD whose lineage was cut and whose rows are only on executors."""
    await_executors(cluster, WORKERS)
    trace = Trace("cut")
    orders = order_lines(cluster.sparkContext, trace).cache()
    orders.localCheckpoint()
    rows = orders.count()
    lost_before = len(executors(cluster, is_active=False))
    os.kill(next(iter(trace.computed())), signal.SIGKILL)
    wait_until(lambda: len(executors(cluster, is_active=False)) > lost_before, "the loss")
    said = ""
    try:
        orders.count()
    except Py4JJavaError as error:
        text = str(error.java_exception)
        said = "Checkpoint block" if "Checkpoint block" in text else text
    lineage = (orders.toDebugString() or b"").splitlines()
    return {"rows": rows, "lineage": len(lineage), "said": said}


if __name__ == "__main__":
    with standalone(WORKERS) as own:
        print("a master, two workers and their executors run", flush=True)
        found: dict[str, Any] = {}
        for look in (parts, changes, caching):
            found[look.__name__] = look(own.sparkContext)
            print(look.__name__, "done", flush=True)
        for fault in (killed, killed_without_lineage):
            found[fault.__name__] = fault(own)
            print(fault.__name__, "done", flush=True)
    print(json.dumps(found))
