"""SIGKILL at the worst moment, then a retry: the same tables, by checksum."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from jobs.namespace import namespace
from jobs.run import run
from jobs.session import object_store, require
from jobs.settings import Settings
from tests.integration.lake import contents, publish_day, start_job
from tests.integration.services import PATIENCE_SECONDS, pid_of

pytestmark = [pytest.mark.integration, pytest.mark.alone]

ORDERS = 2000
TABLES = ["silver.orders", "silver.order_items"]


@pytest.fixture(scope="module")
def undisturbed(stack: Settings) -> dict[str, tuple[int, str]]:
    """The content of the tables when nothing is killed."""
    with namespace(stack) as settings:
        publish_day(settings, orders=ORDERS)
        _run_tables(settings)
        return contents(settings, TABLES)


@pytest.fixture
def ready(namespace_settings: Settings) -> Settings:
    """A namespace in which the day is in bronze, and only there."""
    publish_day(namespace_settings, orders=ORDERS)
    run("bronze.orders", namespace_settings)
    return namespace_settings


def _run_tables(settings: Settings) -> None:
    for table in ("bronze.orders", *TABLES):
        run(table, settings)


def _wait_for(condition: Callable[[], bool], job: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert job.poll() is None, f"the job ended too early: {job.communicate()}"
        assert time.monotonic() < deadline, "the moment to kill did not come"
        time.sleep(0.01)


def _has_object(settings: Settings, key: str) -> Callable[[], bool]:
    store = object_store(settings)
    prefix = settings.object_key(key)
    return lambda: any(True for _ in store.list_objects(settings.s3_bucket, prefix=prefix))


# The quarantine is committed first: once its commit is there, the table's own is still to come.
MOMENTS = {
    "while reading": "silver/orders/_delta_log/00000000000000000000.json",
    "between the quarantine and the table": (
        "quarantine/silver/orders/_delta_log/00000000000000000001.json"
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_task_is_retried_to_the_same_tables(
    ready: Settings, undisturbed: dict[str, tuple[int, str]], moment: str
) -> None:
    job = start_job(ready, "silver.orders")
    _wait_for(_has_object(ready, MOMENTS[moment]), job)
    job.kill()
    job.communicate()
    assert job.returncode == -signal.SIGKILL
    _run_tables(ready)
    assert contents(ready, TABLES) == undisturbed


def test_a_killed_ingest_lands_every_record_once(
    namespace_settings: Settings, undisturbed: dict[str, tuple[int, str]]
) -> None:
    publish_day(namespace_settings, orders=ORDERS)
    job = start_job(namespace_settings, "bronze.orders")
    _wait_for(_has_object(namespace_settings, "bronze/orders/_delta_log/"), job)
    job.kill()
    job.communicate()
    _run_tables(namespace_settings)
    assert contents(namespace_settings, TABLES) == undisturbed


def test_two_runs_of_one_table_at_once_do_not_double_it(
    ready: Settings, undisturbed: dict[str, tuple[int, str]]
) -> None:
    jobs = [start_job(ready, "silver.orders", "silver.order_items") for _ in range(2)]
    for job in jobs:
        job.communicate(timeout=PATIENCE_SECONDS)
    _run_tables(ready)
    assert contents(ready, TABLES) == undisturbed


def test_a_killed_spark_server_is_survived(
    ready: Settings, undisturbed: dict[str, tuple[int, str]]
) -> None:
    job = start_job(ready, "silver.orders")
    _wait_for(_has_object(ready, MOMENTS["between the quarantine and the table"]), job)
    killed = psutil.Process(pid_of("spark"))
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(timeout=PATIENCE_SECONDS)
    _, errors = job.communicate(timeout=PATIENCE_SECONDS)
    assert job.returncode != 0, errors
    require("spark", ready.spark_remote.partition("//")[2], PATIENCE_SECONDS)
    _run_tables(ready)
    assert contents(ready, TABLES) == undisturbed
