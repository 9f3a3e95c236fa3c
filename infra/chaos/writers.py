"""Others write the stream's tables beside it: batch runs, and a DAG twice, a task of it killed."""

import re
import time
from random import Random

import psutil
from pyspark.errors import PySparkException

from infra.airflow.client import Airflow
from infra.chaos.load import DAY, Target
from infra.chaos.waiting import await_moment
from jobs.errors import LakeproofError
from jobs.run import run

BESIDE_SECONDS = 20.0
TABLES = ("bronze.orders", "silver.orders", "gold.revenue_per_minute")
GAVE_WAY = re.compile("another run|DELTA_CONCURRENT")
DAG, TASK = "backfill", "recompute"
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
    process = await_moment(settings, lambda: _process(airflow.running(DAG, first)), what)
    time.sleep(Random(target.load.seed).uniform(*OLD_ENOUGH_SECONDS))  # the moment is the seed's
    try:
        process.kill()
    except psutil.NoSuchProcess as error:
        raise LakeproofError(f"{DAG}.{TASK} had ended before it could be killed") from error
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


def _process(task_ids: list[str]) -> psutil.Process | None:
    """The process that runs a task, by the title Airflow gives it."""
    titles = {f"airflow worker -- {task_id}" for task_id in task_ids}
    for process in psutil.process_iter(["cmdline"]):
        if " ".join(process.info["cmdline"] or []).strip() in titles:
            return process
    return None
