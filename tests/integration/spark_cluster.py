"""A Spark server that computes on two workers, beside the stack's own, on the stack's store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from infra.native import processes, supervise
from infra.native.creation import load_or_create, with_workers
from infra.native.instance import Instance, load, write_private
from infra.native.keys import render
from infra.native.watch import healthy
from jobs.settings import Settings, env_file
from tests.integration.part_of_a_stack import part_of_a_stack
from tests.integration.services import spark_page

INSTANCE = "workers"
STORE = ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET")


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
        found = spark_page("allexecutors", self.instance)
        return [each for each in found if each["id"] != "driver"]

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
