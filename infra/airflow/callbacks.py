"""What Airflow tells people: a task that failed for good, and a run that is late.

Tasks, the DAG processor and the triggerer import this module, so it imports nothing heavy.
An alert that cannot be delivered becomes a log line: it must not fail what it reports.
"""

import asyncio
import logging
import traceback
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from jobs.alert import Alert, alert
from jobs.errors import LakeproofError
from jobs.settings import load_settings

LOG = logging.getLogger(__name__)


def tell_failure(context: Mapping[str, Any]) -> None:
    """Post which task of which run failed, why, and where its log is."""
    task = context["ti"]
    error = context.get("exception")
    why = _first_line(error) if error else "it was killed or lost: no exception was seen"
    where = f"dags/{task.dag_id}/runs/{task.run_id}/tasks/{task.task_id}"
    lines = [
        f"dag: {task.dag_id}",
        f"task: {task.task_id}",
        f"run: {task.run_id}",
        f"try: {task.try_number}",
        f"error: {why}",
        f"log: {load_settings().airflow_url}/{where}",
    ]
    title = f"{task.dag_id}.{task.task_id} failed: {why}"
    post(Alert(title, "critical", f"airflow {task.dag_id}", "\n".join(lines)))


def _first_line(error: object) -> str:
    if not isinstance(error, BaseException):
        return str(error).partition("\n")[0]
    said = traceback.format_exception_only(error)[-1].strip().partition("\n")[0]
    module, _, rest = said.partition(": ")
    return f"{module.rpartition('.')[2]}: {rest}" if rest else module.rpartition(".")[2]


def late_after(**interval: float) -> DeadlineAlert:
    """The deadline of a DAG whose runs should end that long after they were queued.

    Units: those of `timedelta`, as `late_after(minutes=15)`.
    """
    wait = timedelta(**interval)
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=wait,
        callback=AsyncCallback(tell_late, kwargs={"allowed": str(wait)}),
    )


async def tell_late(allowed: str, context: Mapping[str, Any]) -> None:
    """Post which run has not ended within the time it is allowed."""
    run = context["dag_run"]
    lines = [
        f"dag: {run['dag_id']}",
        f"run: {run['dag_run_id']}",
        f"queued: {run['queued_at']}",
        f"deadline: {context['deadline']['deadline_time']}",
        f"page: {load_settings().airflow_url}/dags/{run['dag_id']}/runs/{run['dag_run_id']}",
    ]
    title = f"{run['dag_id']} is late: not done {allowed} after it was queued"
    told = Alert(title, "warning", f"airflow {run['dag_id']}", "\n".join(lines))
    await asyncio.to_thread(post, told)


def post(told: Alert) -> None:
    """Nothing; the alert is in the channel, or the log says why it is not."""
    try:
        alert(load_settings(), told)
    except LakeproofError as error:
        LOG.error("this alert reached nobody: %s. %s", told.title, error)
