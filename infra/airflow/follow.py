"""The runs of a chain of DAGs followed to their end, asking only for what is new."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.airflow.api import Api
from infra.native.signs import Signs
from jobs.errors import LakeproofError
from jobs.patience import Awaited, Progress, look_until, told

FINISHED = ("success", "failed", "upstream_failed", "skipped", "removed")
ACTIVE = ("queued", "running")
# Who does the work of a task, and so is seen to work while no task's state changes.
WORKERS = ("clickhouse", "airflow-scheduler", "spark")
# What was changed before a look may be committed after it; what comes later still, a run's last
# look finds.
OVERLAP = timedelta(seconds=30)
# Airflow takes 300 s to find that the process of a task is gone, and then begins it again.
STILL_SECONDS = 600.0
PAUSES = (1.0, 3.0)  # each look takes the API server some hundredths of a second
ASKED_AT_ONCE = 3
SHOWN_TASKS = 3
LOG_LINES = 10

Run = tuple[str, str]  # its DAG and its id
Task = dict[str, Any]
Key = tuple[str, str, str, int]  # of a task's instance, which has another id at each try


class PipelineFailed(LakeproofError):
    """A task of the pipeline failed for good."""


@dataclass(frozen=True)
class TaskResult:
    """One finished task: where, how, since when and how long it ran, and what it returned.

    The `task_id` of a mapped task is what its instance is called, like `bronze.ads_x`.
    """

    dag_id: str
    run_id: str
    task_id: str
    state: str
    started_at: datetime
    seconds: float
    returned: Any

    def line(self) -> str:
        """The task for people, with the counts it returned but those of 0."""
        found = self.returned if isinstance(self.returned, dict) else {}
        counts = ", ".join(f"{number:,} {what}" for what, number in found.items() if number)
        mark = {"success": "ok", "failed": "FAILED"}.get(self.state, self.state)
        return f"{mark:<8}{self.task_id:<24}{self.seconds:6.1f} s   {counts}"


class Chain:
    """The runs of some DAGs that were due since a moment, with their tasks as last seen."""

    def __init__(self, api: Api, dag_ids: list[str], since: datetime) -> None:
        self._api, self._dag_ids, self._since = api, dag_ids, since
        self._services = Signs(api.instance, *WORKERS)
        self._looked = since
        self._runs: dict[Run, str] = {}
        self._tasks: dict[Key, Task] = {}
        self._told: set[Key] = set()

    def results(self) -> Iterator[TaskResult]:
        """Each task as it finishes, until every DAG had a run that succeeded.

        Raises: PipelineFailed with the task's last log lines when a run failed; StandsStill.
        """
        yield from self._until(lambda: bool(self._failed()) or self._has_succeeded())
        if failed := self._failed():
            raise PipelineFailed(why(self._api, *failed[0]))

    def rest(self) -> Iterator[TaskResult]:
        """Each task as it finishes, until no run is at work or about to be, however they ended.

        Raises: StandsStill.
        """
        return self._until(
            lambda: not self._active() and not is_any_due(self._api, news(self._api, self._dag_ids))
        )

    def refresh(self) -> None:
        """Ask what changed since the last time; of a run that is new, or has ended, everything."""
        looked, since = datetime.now(UTC), f"run_after_gte={_stamp(self._since)}"
        for found in self._api.every(f"/api/v2/dags/~/dagRuns?{since}", "dag_runs"):
            run, state = (found["dag_id"], found["dag_run_id"]), found["state"]
            if run[0] in self._dag_ids and self._runs.get(run) != state:
                self._runs = self._runs | {run: state}
                self._forget(run)  # a mapped task was one until it was known of what it is mapped
                self._keep(f"{_path(*run)}/taskInstances")
        if self._active():
            changed = f"updated_at_gte={_stamp(self._looked - OVERLAP)}"
            self._keep(f"{_path('~', '~')}/taskInstances?{since}&{changed}")
        self._looked = looked

    def line(self) -> str:
        """How far the runs are, and which tasks are at work since when."""
        if not (active := self._active()):
            return f"a run of {' or '.join(self._dag_ids)}"
        running = [task for task in self._tasks.values() if task["state"] == "running"]
        at_work = [f"{name(task)} since {_clock(task['start_date'])}" for task in running]
        if len(running) > SHOWN_TASKS:
            at_work[SHOWN_TASKS:] = [f"{len(running) - SHOWN_TASKS} more"]
        parts = ", ".join(map(self._share, active))
        return f"{parts}; at work: {', '.join(at_work) or 'no task'}"

    def _until(self, is_over: Callable[[], bool]) -> Iterator[TaskResult]:
        awaited = Awaited(self.line, self._signs, self._services.last_words, STILL_SECONDS)
        progress = Progress(awaited)
        ended = False

        def look() -> bool:
            nonlocal ended
            self.refresh()
            ended = is_over()
            return ended or bool(self._untold())

        with told(progress), ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            while not ended:
                look_until(look, progress, PAUSES)
                untold = self._untold()
                # At once, since an answer may take half a minute.
                results = list(pool.map(self._result, untold))
                self._told.update(map(_key, untold))
                yield from results

    def _keep(self, path: str) -> None:
        tasks = self._api.every(path, "task_instances")
        found = {_key(task): task for task in tasks if _run(task) in self._runs}
        self._tasks = self._tasks | found  # a new one, since another thread asks for the line

    def _forget(self, run: Run) -> None:
        self._tasks = {key: task for key, task in self._tasks.items() if _run(task) != run}

    def _signs(self) -> Iterator[str]:
        yield from self._services()
        for (dag_id, _), state in self._runs.items():
            yield f"a run of {dag_id} is {state}"
        for task in self._tasks.values():
            yield f"{name(task)} is {task['state'] or 'not queued yet'}, try {task['try_number']}"

    def _share(self, run: Run) -> str:
        states = [task["state"] for task in self._tasks.values() if _run(task) == run]
        done = sum(state in FINISHED for state in states)
        return f"{run[0]}: {done} of {len(states)} tasks done"

    def _active(self) -> list[Run]:
        return [run for run, state in self._runs.items() if state in ACTIVE]

    def _failed(self) -> list[Run]:
        return [run for run, state in self._runs.items() if state == "failed"]

    def _has_succeeded(self) -> bool:
        succeeded = {dag_id for (dag_id, _), state in self._runs.items() if state == "success"}
        return succeeded == set(self._dag_ids)

    def _untold(self) -> list[Task]:
        """The tasks that finished and were not given yet, in the order of their ends."""
        found = [
            task
            for task in self._tasks.values()
            if task["state"] in FINISHED and _key(task) not in self._told
        ]
        return sorted(found, key=lambda task: task["end_date"] or "")

    def _result(self, task: Task) -> TaskResult:
        returned = None
        if task["state"] == "success":
            index = f"deserialize=true&map_index={task['map_index']}"
            returned = self._api.find(f"{_of_task(task)}/xcomEntries/return_value?{index}")
        return TaskResult(
            *_run(task),
            name(task),
            task["state"],
            datetime.fromisoformat(task["start_date"] or task["end_date"]),
            task["duration"] or 0.0,
            returned and returned["value"],
        )


def news(api: Api, dag_ids: list[str]) -> dict[str, int]:
    """Of how many of the assets that a DAG waits for there is news, for each that has any."""
    path = "/api/v2/dags/{}/assets/queuedEvents"
    counts = {each: api.send("GET", path.format(each))["total_entries"] for each in dag_ids}
    return {dag_id: count for dag_id, count in counts.items() if count}


def is_any_due(api: Api, came: dict[str, int]) -> bool:
    """Whether a run of a DAG is about to begin: there is news of all that it waits for."""
    details = {dag_id: api.send("GET", f"/api/v2/dags/{dag_id}/details") for dag_id in came}
    return any(
        count >= len(details[dag_id]["asset_expression"]["all"]) for dag_id, count in came.items()
    )


def why(api: Api, dag_id: str, run_id: str) -> str:
    """What the tasks of a run that failed said last."""
    parts = [f"the run {run_id} of DAG {dag_id} failed"]
    path = f"{_path(dag_id, run_id)}/taskInstances?state=failed"
    for task in api.every(path, "task_instances"):
        log = f"{_of_task(task)}/logs/{task['try_number']}?map_index={task['map_index']}"
        content = [each for each in api.send("GET", log)["content"] if isinstance(each, dict)]
        errors = [
            f"{detail['exc_type']}: {detail['exc_value']}"
            for entry in content
            for detail in entry.get("error_detail") or []
        ]
        lines = [str(entry.get("event", entry)) for entry in content][-LOG_LINES:]
        parts += [f"{name(task)}, try {task['try_number']}:", *(errors or lines)]
    parts.append(f"The whole log is at {api.url}/dags/{dag_id}/runs/{run_id}")
    return "\n".join(parts)


def name(task: Task) -> str:
    """What a task's instance is called; a mapped one that has not begun, by its number."""
    rendered = str(task["rendered_map_index"] or task["task_id"])
    return f"{task['task_id']} {rendered}" if rendered.isdigit() else rendered


def _run(task: Task) -> Run:
    return task["dag_id"], task["dag_run_id"]


def _key(task: Task) -> Key:
    return *_run(task), task["task_id"], task["map_index"]


def _path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"


def _of_task(task: Task) -> str:
    """Where the API keeps what belongs to a task's instance."""
    return f"{_path(*_run(task))}/taskInstances/{task['task_id']}"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _clock(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%H:%M:%S}"
