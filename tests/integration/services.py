"""The processes of the test instance's services, and waiting for what they do."""

from collections.abc import Callable

from infra.native import supervise
from infra.native.instance import load
from jobs.patience import await_true
from tests.conftest import TEST_INSTANCE

PATIENCE_SECONDS = 300
POLL_SECONDS = 0.1


def pid_of(service: str) -> int:
    """The process id of a service; 0 while it has no process."""
    return supervise.pid(load(TEST_INSTANCE), service)


def wait_until(reached: Callable[[], bool], what: str) -> None:
    """Nothing, once it is so; fails with what is wrong if it is not within the patience."""
    late = AssertionError(f"{what}: not within {PATIENCE_SECONDS} s")
    await_true(reached, PATIENCE_SECONDS, lambda _: late, POLL_SECONDS)
