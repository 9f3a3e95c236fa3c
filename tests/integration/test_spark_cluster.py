"""The same jobs on a Spark cluster: the same tables, and a worker that dies changes none."""

from collections.abc import Iterator

import psutil
import pytest
from pyspark.sql import functions as F

from infra.native import supervise
from infra.native.instance import load
from infra.spark.classes import archive, keep_classes
from infra.spark.native import spark_home
from jobs.namespace import namespace
from jobs.run import run
from jobs.session import spark
from jobs.settings import Settings
from tests.conftest import TEST_INSTANCE
from tests.integration.lake import contents, publish_day, start_job
from tests.integration.services import PATIENCE_SECONDS, wait_until
from tests.integration.spark_cluster import SparkCluster, spark_cluster

pytestmark = pytest.mark.integration

ORDERS = 2000
TABLES = ["bronze.orders", "silver.orders", "silver.order_items"]


@pytest.fixture(scope="module")
def cluster(stack: Settings) -> Iterator[SparkCluster]:
    """Two workers. Their server starts when the classes of the stack's are kept."""
    keep_classes(load(TEST_INSTANCE), spark_home())
    with spark_cluster(stack) as found:
        yield found


def fed(settings: Settings) -> Settings:
    publish_day(settings, orders=ORDERS)
    return settings


@pytest.fixture(scope="module")
def on_one_machine(stack: Settings) -> dict[str, tuple[int, str]]:
    """The content of the tables as the stack's own Spark computes them."""
    with namespace(stack) as own:
        fed(own)
        for table in TABLES:
            run(table, own)
        return contents(own, TABLES[1:])


def test_two_workers_compute_what_one_process_does(
    cluster: SparkCluster, namespace_settings: Settings, on_one_machine: dict[str, tuple[int, str]]
) -> None:
    own = fed(cluster.computing(namespace_settings))
    for table in TABLES:
        run(table, own)
    assert contents(own, TABLES[1:]) == on_one_machine
    assert [each["completedTasks"] > 0 for each in cluster.executors()] == [True, True]


def test_classes_kept_by_one_instance_serve_another(cluster: SparkCluster) -> None:
    server = psutil.Process(supervise.pid(cluster.instance, "spark"))
    assert str(archive(spark_home()).resolve()) in {each.path for each in server.memory_maps()}


def test_a_function_of_python_runs_on_the_workers(
    cluster: SparkCluster, namespace_settings: Settings
) -> None:
    session = spark(cluster.computing(namespace_settings))
    doubled = session.range(4).select(F.udf(lambda number: 2 * number, "bigint")("id"))
    assert sorted(row[0] for row in doubled.collect()) == [0, 2, 4, 6]


def test_a_worker_killed_at_work_changes_no_table(
    cluster: SparkCluster, namespace_settings: Settings, on_one_machine: dict[str, tuple[int, str]]
) -> None:
    own = fed(cluster.computing(namespace_settings))
    run("bronze.orders", own)
    before = {each["id"] for each in cluster.executors()}
    job = start_job(own, "silver.orders", "silver.order_items")
    wait_until(lambda: any(each["activeTasks"] for each in cluster.executors()), "it computes")
    cluster.kill(1)
    output, errors = job.communicate(timeout=PATIENCE_SECONDS)
    assert job.returncode == 0, output + errors
    assert contents(own, TABLES[1:]) == on_one_machine
    wait_until(lambda: bool({each["id"] for each in cluster.executors()} - before), "a successor")
    cluster.wait()
