"""Airflow's REST API as the demo and the tests use it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from infra.airflow.api import ANSWER_SECONDS, CONFLICT, NOT_FOUND, Api, Refused
from infra.airflow.follow import (
    FINISHED,
    STILL_SECONDS,
    WORKERS,
    Chain,
    TaskResult,
    is_any_due,
    news,
)
from infra.native.signs import Signs
from jobs.patience import Awaited, await_progress
from jobs.settings import Settings

Tell = Callable[[str], None]
READER = "airflow-dag-processor"


def untold(_line: str) -> None:
    """Nobody listens."""


class Airflow:
    """A logged-in client. What it asks, it asks again while the answer is slow.

    Raises: ServiceDown if nothing listens; StandsStill if the API does not answer and does nothing;
    Refused with its words.
    """

    def __init__(self, settings: Settings, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._api = Api(settings, answer_seconds)

    def start(
        self, dag_id: str, params: dict[str, Any] | None = None, partition_key: str | None = None
    ) -> str:
        """The id of a run triggered now, of one partition where the DAG has such.

        The id is ours: asked for twice, it is one run.
        """
        run_id = f"manual__{datetime.now(UTC).isoformat()}_{uuid4().hex[:8]}"
        body = {"logical_date": None, "conf": params or {}, "partition_key": partition_key}
        try:
            path = f"/api/v2/dags/{dag_id}/dagRuns"
            self._api.send("POST", path, {"dag_run_id": run_id, **body})
        except Refused as refused:
            if refused.status != CONFLICT:
                raise
        return run_id

    def backfill(self, dag_id: str, first: date, last: date, params: dict[str, Any]) -> int:
        """The number of a backfill of the days from first to last that was begun.

        Raises: Refused if another one of the DAG has not ended.
        """
        path, before = "/api/v2/backfills", self._newest_backfill(dag_id)
        body = {
            "dag_id": dag_id,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T00:00:00Z",
            "dag_run_conf": params,
            "max_active_runs": 1,
            "reprocess_behavior": "completed",
        }

        def begin() -> int:
            # A backfill has no id of ours: what an unanswered request began is looked for.
            if (newest := self._newest_backfill(dag_id)) > before:
                return newest
            try:
                return int(self._api.once("POST", path, body)["id"])
            except Refused as refused:
                newest = self._newest_backfill(dag_id)
                if refused.status != CONFLICT or newest == before:
                    raise
                return newest

        return self._api.until(begin, f"POST {path}")

    def await_backfill(self, number: int) -> None:
        """Nothing, once every run of the backfill has ended.

        Raises: StandsStill.
        """
        path = f"/api/v2/backfills/{number}"
        services = Signs(self._api.instance, *WORKERS)
        what = f"backfill {number}"
        awaited = Awaited(lambda: what, services, services.last_words, STILL_SECONDS)
        await_progress(lambda: self._api.send("GET", path)["completed_at"], awaited)

    def await_run(self, dag_id: str, run_id: str) -> str:
        """How the run ended: success or failed.

        Raises: StandsStill.
        """
        state, services = "", Signs(self._api.instance, *WORKERS)

        def end() -> str:
            nonlocal state
            state = self.state(dag_id, run_id)
            return state if state in FINISHED else ""

        def signs() -> Iterator[str]:
            yield from services()
            yield f"it is {state}"

        what = f"{dag_id} {run_id}"
        awaited = Awaited(lambda: what, signs, services.last_words, STILL_SECONDS)
        return await_progress(end, awaited)

    def state(self, dag_id: str, run_id: str) -> str:
        """How a run stands: queued, running, success or failed."""
        return str(self._api.send("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def running(self, dag_id: str, run_id: str) -> list[str]:
        """The ids of the run's task instances that are at work now."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?state=running"
        return [str(task["id"]) for task in self._api.every(path, "task_instances")]

    def pause(self, dag_id: str, is_paused: bool = True) -> None:
        """Keep the scheduler from starting runs of a DAG."""
        self._api.send("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": is_paused})

    def paused(self) -> list[str]:
        """The DAGs of which the scheduler starts no run until somebody switches them on."""
        found = self._api.every("/api/v2/dags", "dags")
        return sorted(str(dag["dag_id"]) for dag in found if dag["is_paused"])

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run a DAG."""
        self.pause(dag_id, False)

    @contextmanager
    def unpaused(self, dag_id: str) -> Iterator[None]:
        """A block in which the scheduler runs a DAG; afterwards it is as it was before."""
        was_paused = bool(self._api.send("GET", f"/api/v2/dags/{dag_id}")["is_paused"])
        self.unpause(dag_id)
        try:
            yield
        finally:
            self.pause(dag_id, was_paused)

    def backfilled(self, dag_id: str, since: datetime) -> dict[str, str]:
        """How each day that backfills of a DAG ran since an instant ended."""
        runs = self._api.every(f"/api/v2/dags/{dag_id}/dagRuns?run_type=backfill", "dag_runs")
        began = [run for run in runs if run["start_date"]]
        new = [run for run in began if datetime.fromisoformat(run["start_date"]) >= since]
        return {run["partition_key"]: run["state"] for run in new}

    def make_ready(self, dag_ids: list[str], tell: Tell = untold) -> None:
        """Nothing, once every DAG is known and unpaused, and none is at work.

        Runs that somebody left are brought to their end first; `tell` hears of them and their
        tasks. News for only some of the tables that a DAG waits for are forgotten: the run that
        they would begin too soon is begun by those that come now, and finds their rows as well.

        Raises: StandsStill.
        """
        paused = self._await_known(dag_ids)
        while (left := self._left(dag_ids)) is not None:
            for dag_id in paused:
                self.unpause(dag_id)
            paused = []
            tell(f"joining what an earlier one left: {left.line()}")
            for result in left.rest():
                tell(result.line())
        for dag_id in paused:
            self.unpause(dag_id)

    def _await_known(self, dag_ids: list[str]) -> list[str]:
        """Those of the DAGs that are paused, once the DAG processor has read all of them."""
        services = Signs(self._api.instance, READER)
        known: dict[str, bool] = {}

        def are_known() -> bool:
            found = self._api.every("/api/v2/dags", "dags")
            known.update({dag["dag_id"]: dag["is_paused"] for dag in found})
            return set(dag_ids) <= set(known)

        def line() -> str:
            return f"Airflow to read the DAGs {', '.join(sorted(set(dag_ids) - set(known)))}"

        await_progress(are_known, Awaited(line, services, services.last_words))
        return [dag_id for dag_id in dag_ids if known[dag_id]]

    def _left(self, dag_ids: list[str]) -> Chain | None:
        """The runs of the DAGs that are at work or about to be; without any, no news are left."""
        path = "/api/v2/dags/~/dagRuns?state=queued&state=running"
        runs = [run for run in self._api.every(path, "dag_runs") if run["dag_id"] in dag_ids]
        came = {} if runs else news(self._api, dag_ids)
        if not runs and not is_any_due(self._api, came):
            for dag_id in came:
                self._forget_news(dag_id)
            return None
        first = min((run["run_after"] for run in runs), default=datetime.now(UTC).isoformat())
        chain = Chain(self._api, dag_ids, datetime.fromisoformat(first))
        chain.refresh()
        return chain

    def _forget_news(self, dag_id: str) -> None:
        try:
            self._api.send("DELETE", f"/api/v2/dags/{dag_id}/assets/queuedEvents")
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise  # asked for twice, it finds none

    def run_through(self, dag_ids: list[str]) -> Iterator[TaskResult]:
        """What `results` gives of a chain of DAGs whose first is triggered now."""
        since = datetime.now(UTC)
        self.start(dag_ids[0])
        return self.results(dag_ids, since)

    def results(self, dag_ids: list[str], since: datetime) -> Iterator[TaskResult]:
        """Each task of the chain of DAGs as it finishes, until every DAG had a run that succeeded.

        Raises: PipelineFailed with the task's last log lines when a run failed; StandsStill.
        """
        return Chain(self._api, dag_ids, since).results()

    def _newest_backfill(self, dag_id: str) -> int:
        path = f"/api/v2/backfills?dag_id={dag_id}"
        return max((int(each["id"]) for each in self._api.every(path, "backfills")), default=0)
