"""The processes of the test instance's services, and waiting for what they do."""

from collections.abc import Callable
from typing import Any

import requests

from infra.native import supervise
from infra.native.instance import Instance, load
from jobs.patience import await_true
from tests.conftest import TEST_INSTANCE

PATIENCE_SECONDS = 300
POLL_SECONDS = 0.1
ANSWER_SECONDS = 10


def pid_of(service: str) -> int:
    """The process id of a service; 0 while it has no process."""
    return supervise.pid(load(TEST_INSTANCE), service)


def wait_until(reached: Callable[[], bool], what: str) -> None:
    """Nothing, once it is so; fails with what is wrong if it is not within the patience."""
    late = AssertionError(f"{what}: not within {PATIENCE_SECONDS} s")
    await_true(reached, PATIENCE_SECONDS, lambda _: late, POLL_SECONDS)


def spark_page(page: str, instance: Instance) -> Any:
    """What an instance's Spark server tells of its application: `allexecutors`, `storage/rdd`."""
    url = f"http://127.0.0.1:{instance.port('SPARK_UI_PORT')}/api/v1/applications"
    [application] = requests.get(url, timeout=ANSWER_SECONDS).json()
    found = requests.get(f"{url}/{application['id']}/{page}", timeout=ANSWER_SECONDS)
    found.raise_for_status()
    return found.json()
