"""`python -m infra.airflow.scheduler`: Airflow's scheduler, resting until there is work.

Airflow's own looks at its database again after each `scheduler_idle_sleep_time`: a short one costs
an idle machine a fifth of a core, a long one each task as many seconds. This one is the same loop;
only its sleep ends early. Source: docs/decisions/idle.md
"""

import time

from airflow.executors.local_executor import LocalExecutor
from airflow.jobs.job import Job, run_job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagrun import DagRun
from airflow.utils.process_utils import set_component_mp_start_method
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import exists, select

LONGEST_REST_SECONDS = 2.0
# A task that ended is seen by the scheduler's own queue, for next to nothing; a run that somebody
# triggered only in the database.
LOOK_SECONDS = 0.05
LOOKS_PER_QUERY = 5


class RestingScheduler(SchedulerJobRunner):
    """The scheduler whose idle sleep ends when a task ended or a run waits to be begun."""

    @property
    def _scheduler_idle_sleep_time(self) -> float:
        """No more seconds to sleep: they were spent here, where the loop asks for them."""
        self.rest()
        return 0.0

    @_scheduler_idle_sleep_time.setter
    def _scheduler_idle_sleep_time(self, seconds: float) -> None:
        """Nothing: Airflow sets what its own configuration says."""

    def rest(self) -> None:
        """Return when there is something to do, at the latest after the longest rest."""
        ends = time.monotonic() + LONGEST_REST_SECONDS
        looks = 0
        while time.monotonic() < ends and not self._has_results():
            looks += 1
            if looks % LOOKS_PER_QUERY == 0 and _has_queued_runs():
                return
            time.sleep(LOOK_SECONDS)

    def _has_results(self) -> bool:
        local = (executor for executor in self.executors if isinstance(executor, LocalExecutor))
        return any(not executor.result_queue.empty() for executor in local)


def _has_queued_runs() -> bool:
    with create_session() as session:
        is_queued = DagRun.state == DagRunState.QUEUED
        return bool(session.scalar(select(exists().where(is_queued))))


@providers_configuration_loaded
def main() -> None:
    """Schedule until a signal ends it."""
    set_component_mp_start_method("scheduler")
    runner = RestingScheduler(job=Job())  # type: ignore[no-untyped-call]
    run_job(job=runner.job, execute_callable=runner._execute)


if __name__ == "__main__":
    main()
