"""Airflow's REST API as the demo and the tests use it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import requests

from jobs.errors import LakeproofError, ServiceDown
from jobs.patience import await_true
from jobs.settings import Settings

TIMEOUT_SECONDS = 20
POLL_SECONDS = 0.5
# Each look asks for every task of every run: two a second took a quarter of a processor.
NEWS_SECONDS = 2.0
READY_SECONDS = 300
FINISHED = ("success", "failed", "upstream_failed", "skipped", "removed")


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


class Airflow:
    """A logged-in client.

    Raises: ServiceDown if the API does not answer; LakeproofError with its words if it refuses.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.airflow_url
        self._session = requests.Session()
        login = {"username": settings.airflow_user, "password": settings.airflow_password}
        token = self._send("POST", "/auth/token", login)["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def start(
        self, dag_id: str, params: dict[str, Any] | None = None, partition_key: str | None = None
    ) -> str:
        """The id of a run triggered now, of one partition where the DAG has such."""
        body = {"logical_date": None, "conf": params or {}, "partition_key": partition_key}
        return str(self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def backfill(self, dag_id: str, first: date, last: date, params: dict[str, Any]) -> int:
        """The number of a backfill of the days from first to last that was begun."""
        body = {
            "dag_id": dag_id,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T00:00:00Z",
            "dag_run_conf": params,
            "max_active_runs": 1,
            "reprocess_behavior": "completed",
        }
        return int(self._send("POST", "/api/v2/backfills", body)["id"])

    def await_backfill(self, number: int, patience_seconds: float) -> None:
        """Nothing, once every run of the backfill has ended.

        Raises: PipelineFailed if they do not in time.
        """
        await_true(
            lambda: self._send("GET", f"/api/v2/backfills/{number}")["completed_at"],
            patience_seconds,
            lambda _: PipelineFailed(f"backfill {number} took more than {patience_seconds:.0f} s"),
            POLL_SECONDS,
        )

    def await_run(self, dag_id: str, run_id: str, patience_seconds: float) -> str:
        """How the run ended: success or failed.

        Raises: PipelineFailed if it does not end in time.
        """

        def end() -> str:
            state = str(self._send("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])
            return state if state in FINISHED else ""

        late = PipelineFailed(f"{dag_id} {run_id} took more than {patience_seconds:.0f} s")
        return await_true(end, patience_seconds, lambda _: late, POLL_SECONDS)

    def running(self, dag_id: str, run_id: str) -> list[str]:
        """The ids of the run's task instances that are at work now."""
        return [
            str(task["id"]) for task in self._tasks(dag_id, run_id) if task["state"] == "running"
        ]

    def pause(self, dag_id: str, is_paused: bool = True) -> None:
        """Keep the scheduler from starting runs of a DAG."""
        self._send("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": is_paused})

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run a DAG."""
        self.pause(dag_id, False)

    def make_ready(self, dag_ids: list[str]) -> None:
        """Nothing, once every DAG is known and unpaused, and none is at work.

        Raises: LakeproofError if that is not so in time.
        """
        late = LakeproofError(
            f"Airflow has not read the DAGs {', '.join(dag_ids)}, or runs of them do not "
            f"end, for {READY_SECONDS} s. Look at `make logs S=airflow-dag-processor`."
        )

        def is_ready() -> bool:
            return all(self._has_dag(dag_id) for dag_id in dag_ids) and not self._is_busy(dag_ids)

        await_true(is_ready, READY_SECONDS, lambda _: late, POLL_SECONDS)
        for dag_id in dag_ids:
            self.unpause(dag_id)

    def _has_dag(self, dag_id: str) -> bool:
        """Whether the DAG processor has read this DAG already."""
        found = self._send("GET", f"/api/v2/dags?dag_id_pattern={dag_id}")["dags"]
        return any(dag["dag_id"] == dag_id for dag in found)

    def _is_busy(self, dag_ids: list[str]) -> bool:
        """Whether a run of one of the DAGs is queued or running."""
        return any(
            self._send("GET", f"/api/v2/dags/{dag_id}/dagRuns?state=queued&state=running")[
                "dag_runs"
            ]
            for dag_id in dag_ids
        )

    def run_through(self, dag_ids: list[str]) -> Iterator[TaskResult]:
        """What `results` gives of a chain of DAGs whose first is triggered now."""
        since = datetime.now(UTC)
        self.start(dag_ids[0])
        return self.results(dag_ids, since)

    def results(self, dag_ids: list[str], since: datetime) -> Iterator[TaskResult]:
        """Each task of the chain of DAGs as it finishes, until every DAG had a run that succeeded.

        Raises: PipelineFailed with the task's last log lines when a run failed.
        """
        seen: set[tuple[str, str, str]] = set()
        succeeded: set[str] = set()
        while succeeded != set(dag_ids):
            for dag_id in dag_ids:
                for run in self._runs(dag_id, since):
                    state = run["state"]
                    yield from self._news(dag_id, run["dag_run_id"], seen)
                    if state == "failed":
                        raise PipelineFailed(self._why(dag_id, run["dag_run_id"]))
                    if state == "success":
                        succeeded.add(dag_id)
            time.sleep(NEWS_SECONDS)  # between two looks at runs that end by success or failure

    def _runs(self, dag_id: str, since: datetime) -> list[dict[str, Any]]:
        after = since.astimezone(UTC).isoformat().replace("+00:00", "Z")
        path = f"/api/v2/dags/{dag_id}/dagRuns?run_after_gte={after}&order_by=run_after"
        found: list[dict[str, Any]] = self._send("GET", path)["dag_runs"]
        return found

    def _tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[dict[str, Any]] = self._send("GET", path)["task_instances"]
        return sorted(found, key=lambda task: task["end_date"] or "")

    def _news(
        self, dag_id: str, run_id: str, seen: set[tuple[str, str, str]]
    ) -> Iterator[TaskResult]:
        for task in self._tasks(dag_id, run_id):
            key = (dag_id, run_id, task["rendered_map_index"] or task["task_id"])
            if task["state"] in FINISHED and key not in seen:
                seen.add(key)
                yield TaskResult(
                    *key,
                    task["state"],
                    datetime.fromisoformat(task["start_date"] or task["end_date"]),
                    task["duration"] or 0.0,
                    self._returned(task) if task["state"] == "success" else None,
                )

    def _returned(self, task: dict[str, Any]) -> Any:
        path = f"{_path(task)}/xcomEntries"
        index = f"map_index={task['map_index']}"
        entries = self._send("GET", f"{path}?{index}")["xcom_entries"]
        if not any(entry["key"] == "return_value" for entry in entries):
            return None
        return self._send("GET", f"{path}/return_value?deserialize=true&{index}")["value"]

    def _why(self, dag_id: str, run_id: str) -> str:
        failed = [task for task in self._tasks(dag_id, run_id) if task["state"] == "failed"]
        told = [f"the run {run_id} of DAG {dag_id} failed"]
        for task in failed:
            path = f"{_path(task)}/logs/{task['try_number']}?map_index={task['map_index']}"
            content = self._send("GET", path)["content"]
            lines = [str(entry.get("event", entry)) for entry in content if isinstance(entry, dict)]
            errors = [
                f"{detail['exc_type']}: {detail['exc_value']}"
                for entry in content
                if isinstance(entry, dict)
                for detail in entry.get("error_detail") or []
            ]
            name = task["rendered_map_index"] or task["task_id"]
            told += [f"{name}, try {task['try_number']}:", *(errors or lines[-10:])]
        told.append(f"The whole log is at {self._url}/dags/{dag_id}/runs/{run_id}")
        return "\n".join(told)

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            answer = self._session.request(
                method, f"{self._url}{path}", json=body, timeout=TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            raise ServiceDown("airflow-api-server", self._url, type(error).__name__) from error
        if not answer.ok:
            raise LakeproofError(
                f"Airflow at {self._url} refused {method} {path}: {answer.status_code} "
                f"{answer.text[:300]}"
            )
        return answer.json()


def _path(task: dict[str, Any]) -> str:
    """Where the API keeps what belongs to a task's instance."""
    run = f"/api/v2/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}"
    return f"{run}/taskInstances/{task['task_id']}"
