"""A Spark cluster of its own: a master and workers as processes on loopback."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import psutil
from pyspark.sql import SparkSession

from answers.labs.classic import LOGGING, monitored, session
from answers.labs.java import QUICK_START
from answers.labs.waiting import wait_until
from infra.native.command import accepts, free_port
from infra.spark.native import spark_home

MEMORY = "512m"


@contextmanager
def standalone(workers: int) -> Iterator[SparkSession]:
    """A session whose executors, one to a worker and of one core each, are all there.

    For a script that `run_script` runs. Session and processes are gone afterwards.
    """
    with ExitStack() as stack:
        port = free_port()
        master = f"spark://127.0.0.1:{port}"
        stack.enter_context(_daemon("master.Master", "--port", str(port)))
        wait_until(lambda: accepts(port), "the master of the cluster")
        for _ in range(workers):
            folder = Path.cwd() / "work"
            of_worker = ("--cores", "1", "--memory", MEMORY, "--work-dir", str(folder), master)
            stack.enter_context(_daemon("worker.Worker", *of_worker))
        settings = {
            "spark.executor.memory": MEMORY,
            "spark.executor.extraJavaOptions": QUICK_START,
            # As on machines apart: what a killed executor has on its disk is out of reach.
            "spark.shuffle.readHostLocalDisk": "false",
            "spark.shuffle.io.maxRetries": "0",
        }
        cluster = session(master, settings)
        stack.callback(cluster.stop)
        await_executors(cluster, workers)
        yield cluster


def await_executors(cluster: SparkSession, wanted: int) -> None:
    """Nothing, once so many executors are at work."""
    wait_until(lambda: len(executors(cluster, is_active=True)) == wanted, f"{wanted} executors")


def executors(cluster: SparkSession, is_active: bool) -> list[dict[str, Any]]:
    """What the driver knows of its executors that are at work, or of those it has lost."""
    known = monitored(cluster, "allexecutors")
    return [row for row in known if row["id"] != "driver" and row["isActive"] == is_active]


def executor_pid() -> int:
    """The executor's process, asked from within a task: the Java that feeds this Python."""
    return next(each.pid for each in psutil.Process().parents() if each.name() == "java")


@contextmanager
def _daemon(name: str, *arguments: str) -> Iterator[None]:
    home = spark_home()
    started = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}"]
    addresses = ["--host", "127.0.0.1", "--webui-port", str(free_port())]
    options = f"{QUICK_START} -Dlog4j2.configurationFile={LOGGING}"
    variables = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": options}
    command = [*started, *addresses, *arguments]
    with Popen(command, env=os.environ | variables, stdout=DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
