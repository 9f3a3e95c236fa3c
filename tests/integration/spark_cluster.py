"""A Spark server that computes on two workers, beside the stack's own, on the stack's store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import requests

from infra.native import processes, supervise
from infra.native.creation import load_or_create, with_workers
from infra.native.instance import Instance, load, write_private
from infra.native.keys import render
from infra.native.watch import healthy
from jobs.settings import Settings, env_file
from tests.integration.part_of_a_stack import part_of_a_stack

INSTANCE = "workers"
STORE = ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET")
ANSWER_SECONDS = 10


@dataclass(frozen=True)
class SparkCluster:
    """The instance with Spark as its only services."""

    instance: Instance
    settings: Settings

    def computing(self, settings: Settings) -> Settings:
        """The settings, with this Spark instead of theirs."""
        return replace(settings, spark_remote=self.settings.spark_remote)

    def wait(self) -> None:
        """Nothing, once master, workers and server are healthy."""
        for _ in healthy(self.instance, self.settings):
            pass

    def executors(self) -> list[dict[str, Any]]:
        """What the server's page says of each executor it ever had, dead ones among them."""
        url = f"http://127.0.0.1:{self.instance.port('SPARK_UI_PORT')}/api/v1/applications"
        [application] = requests.get(url, timeout=ANSWER_SECONDS).json()
        found = requests.get(f"{url}/{application['id']}/allexecutors", timeout=ANSWER_SECONDS)
        found.raise_for_status()
        return [each for each in found.json() if each["id"] != "driver"]

    def kill(self, worker: int) -> None:
        """SIGKILL of a worker and its executor, as when its machine is lost."""
        pid = supervise.pid(self.instance, f"spark-worker-{worker}")
        for process in processes.tree(pid):
            process.kill()


@contextmanager
def spark_cluster(stack: Settings) -> Iterator[SparkCluster]:
    """A healthy one, gone afterwards."""
    with part_of_a_stack(INSTANCE, partial(_on_the_store_of, stack), "spark") as spark:
        own = replace(
            stack,
            spark_remote=spark.values["SPARK_REMOTE"],
            spark_cluster_url=spark.values["SPARK_CLUSTER_URL"],
        )
        found = SparkCluster(spark, own)
        found.wait()
        yield found


def _on_the_store_of(stack: Settings) -> Instance:
    values = {**with_workers(load_or_create(INSTANCE), 2).values}
    values |= {key: stack.environment()[key] for key in STORE}
    write_private(env_file(INSTANCE), render(values))
    return load(INSTANCE)
