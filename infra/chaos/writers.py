"""Others write the stream's tables beside it: batch runs, and a DAG twice, a task of it killed."""

import re
import time
from random import Random

import psutil
from pyspark.errors import PySparkException

from infra.airflow.client import Airflow
from infra.airflow.follow import FINISHED
from infra.chaos.load import DAY, Target
from infra.chaos.waiting import await_moment
from jobs.errors import LakeproofError
from jobs.run import run

BESIDE_SECONDS = 20.0
TABLES = ("bronze.orders", "silver.orders", "gold.revenue_per_minute")
GAVE_WAY = re.compile("another run|DELTA_CONCURRENT")
DAG, TASK = "backfill", "recompute"
TOO_LATE = f"{DAG}.{TASK} had ended before it could be killed"
WORKER = "airflow worker -- "
OLD_ENOUGH_SECONDS = (0.2, 2.0)


def run_beside(target: Target) -> None:
    """Batch runs of the stream's tables, one after another for a while.

    Raises: LakeproofError if none of them had anything to do.
    """
    end, busy_count = time.monotonic() + BESIDE_SECONDS, 0
    while time.monotonic() < end:
        busy_count += sum(_had_work(table, target) for table in TABLES)
    if not busy_count:
        raise LakeproofError("the stream left nothing to any run beside it")


def kill_task(target: Target) -> None:
    """The mart's day computed twice by Airflow, asked for at once; the first one's task is killed.

    Raises: LakeproofError if one of the runs fails, or the task had ended before it was killed.
    """
    settings = target.settings
    airflow = Airflow(settings)
    airflow.make_ready([DAG])
    asked = {"namespace": settings.namespace, "tables": [TABLES[-1]]}
    first, second = (airflow.start(DAG, asked, partition_key=str(DAY)) for _ in range(2))
    what = f"a process of {DAG}.{TASK}"
    process = await_moment(settings, lambda: _at_work(airflow, first), what)
    time.sleep(Random(target.load.seed).uniform(*OLD_ENOUGH_SECONDS))  # the moment is the seed's
    try:
        process.kill()
    except psutil.NoSuchProcess as error:
        raise LakeproofError(TOO_LATE) from error
    for run_id in (first, second):
        if (state := airflow.await_run(DAG, run_id)) != "success":
            raise LakeproofError(f"{DAG} {run_id} ended as {state}: {settings.airflow_url}")


def _had_work(table: str, target: Target) -> bool:
    """Whether a run found something to do, and did it or gave way to the stream's run."""
    try:
        return bool(run(table, target.settings).counts)
    except (LakeproofError, PySparkException) as error:
        if not GAVE_WAY.search(str(error)):
            raise
        return True


def _at_work(airflow: Airflow, run_id: str) -> psutil.Process | None:
    """The process of a run's task, None while it has none.

    Raises: LakeproofError if the run has ended.
    """
    if found := process_of_task(airflow.running(DAG, run_id)):
        return found
    if airflow.state(DAG, run_id) in FINISHED:
        raise LakeproofError(TOO_LATE)
    return None


def process_of_task(task_ids: list[str]) -> psutil.Process | None:
    """The process that runs one of the tasks, by the title Airflow gives it.

    Linux keeps as much of a title as the command was long that the process began with, and that
    depends on the folder of the repository.
    """
    titles = [f"{WORKER}{task_id}" for task_id in task_ids]
    for process in psutil.process_iter(["cmdline"]):
        title = " ".join(process.info["cmdline"] or []).strip()
        if len(title) > len(WORKER) and any(each.startswith(title) for each in titles):
            return process
    return None
