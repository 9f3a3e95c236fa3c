"""What the tasks of all DAGs have in common: when they are tried again, and who hears of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    CronTriggerTimetable,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    get_current_context,
)

from infra.airflow.callbacks import tell_failure
from jobs.errors import GateFailed, LedgerError, SpecError
from jobs.settings import Settings, load_settings

# The same data fails these again; anything else may pass.
NOT_WORTH_A_RETRY = (GateFailed, LedgerError, SpecError)
RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=5),
    "max_retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2,
    "retry_policy": ExceptionRetryPolicy(
        rules=[RetryRule(exception=error, action=RetryAction.FAIL) for error in NOT_WORTH_A_RETRY]
    ),
    "on_failure_callback": tell_failure,
}


def nightly(hour: int, weekday: str = "*") -> CronTriggerTimetable:
    """Each night at this hour (UTC), or that of one day of the week, the first time at the next.

    A DAG with a start date, or a plain cron expression, would also run for last night as soon as
    it is switched on, and one started by hand then waits behind it. Give the DAG no start date.
    """
    return CronTriggerTimetable(
        f"0 {hour} * * {weekday}", timezone="UTC", run_immediately=timedelta(0)
    )


@contextmanager
def task_settings() -> Iterator[Settings]:
    """The settings of the running task; when the block is left its Spark session is closed.

    The parameter `namespace` of the run, if its DAG has one and it is not empty, is theirs.
    """
    from jobs.session import release

    settings = load_settings()
    params = get_current_context()["params"]
    settings = replace(settings, namespace=params.get("namespace") or settings.namespace)
    try:
        yield settings
    finally:
        release(settings)
