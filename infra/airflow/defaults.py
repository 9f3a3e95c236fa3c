"""What the tasks of all DAGs have in common: when they are tried again, and who hears of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

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


def settings_of(context: Mapping[str, Any]) -> Settings:
    """The settings of a run whose DAG has the parameter `namespace`; empty, it changes nothing."""
    settings = load_settings()
    return replace(settings, namespace=context["params"]["namespace"] or settings.namespace)
