"""Whoever waits for the platform asks again, joins what was left, and sees who is at work."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

import pytest

from infra.airflow.api import ANSWER_SECONDS, Api
from infra.airflow.client import Airflow
from infra.chaos.proxy import Proxy, Trouble
from infra.demo.__main__ import PIPELINE
from infra.native import watch
from infra.native.command import free_port
from infra.native.creation import load_or_create
from infra.native.down import reset
from infra.native.instance import load
from infra.native.signs import Signs
from infra.native.watch import StartFailed
from jobs.errors import ServiceDown
from jobs.patience import Awaited
from jobs.settings import Settings
from tests.airflow.conftest import through
from tests.conftest import TEST_INSTANCE, Stopped

pytestmark = pytest.mark.integration

DAG, TASKS = "overhead", 10
SHORT_SECONDS = 0.1
LATE = Trouble(delay_seconds=0.5)
# Done, and never answered: who asks again must not have it done twice.
TRIGGER_UNANSWERED = Trouble(cut=re.compile(rb"POST /api/v2/dags/\w+/dagRuns"))
BACKFILL_UNANSWERED = Trouble(cut=re.compile(rb"POST /api/v2/backfills"))
LONG_AGO = date(2020, 1, 1)


@contextmanager
def behind(
    trouble: Trouble, settings: Settings, answer_seconds: float = ANSWER_SECONDS
) -> Iterator[tuple[Airflow, Proxy]]:
    """A client of Airflow behind a proxy that makes trouble."""
    with through(trouble, settings) as (there, proxy):
        yield Airflow(there, answer_seconds), proxy


def runs_since(settings: Settings, dag_id: str, since: datetime) -> list[str]:
    path = f"/api/v2/dags/{dag_id}/dagRuns?run_after_gte={since.isoformat().replace('+00:00', 'Z')}"
    return [run["dag_run_id"] for run in Api(settings).every(path, "dag_runs")]


def backfills(settings: Settings) -> list[int]:
    found = Api(settings).every("/api/v2/backfills?dag_id=backfill", "backfills")
    return [each["id"] for each in found]


def test_answers_that_come_late_are_asked_for_again_until_they_come(stack: Settings) -> None:
    with behind(LATE, stack, SHORT_SECONDS) as (airflow, _):
        airflow.make_ready([DAG])
        since = datetime.now(UTC)
        results = list(airflow.run_through([DAG]))
    assert [result.state for result in results] == ["success"] * TASKS
    assert [result.returned for result in results] == [1] * TASKS
    assert len(runs_since(stack, DAG, since)) == 1


def test_a_run_whose_start_was_never_answered_is_started_once(stack: Settings) -> None:
    Airflow(stack).make_ready([DAG])
    since = datetime.now(UTC)
    with behind(TRIGGER_UNANSWERED, stack) as (airflow, proxy):
        run_id = airflow.start(DAG)
        assert proxy.cut_count == 1
        assert runs_since(stack, DAG, since) == [run_id]
        assert airflow.await_run(DAG, run_id) == "success"


def test_a_backfill_whose_start_was_never_answered_is_begun_once(stack: Settings) -> None:
    Airflow(stack).pause("backfill")
    before = backfills(stack)
    with behind(BACKFILL_UNANSWERED, stack) as (airflow, proxy):
        number = airflow.backfill("backfill", LONG_AGO, LONG_AGO, {})
    Api(stack).send("PUT", f"/api/v2/backfills/{number}/cancel")
    assert proxy.cut_count == 1
    assert set(backfills(stack)) - set(before) == {number}


def test_what_somebody_left_is_joined_shown_and_brought_to_its_end(stack: Settings) -> None:
    airflow = Airflow(stack)
    airflow.make_ready([DAG])
    left = airflow.start(DAG)
    airflow.pause(DAG)
    lines: list[str] = []
    Airflow(stack).make_ready([DAG], lines.append)
    assert lines[0].startswith("joining what an earlier one left: overhead: ")
    assert len([line for line in lines if line.startswith("ok ")]) == TASKS
    assert airflow.await_run(DAG, left) == "success"


def test_news_for_one_of_the_tables_that_a_dag_waits_for_are_forgotten(stack: Settings) -> None:
    airflow, api = Airflow(stack), Api(stack)
    airflow.make_ready(PIPELINE)
    [asset] = [
        asset
        for asset in api.every("/api/v2/assets?name_pattern=bronze.orders", "assets")
        if asset["name"] == "bronze.orders"
    ]
    api.send("POST", "/api/v2/assets/events", {"asset_id": asset["id"]})
    queued = "/api/v2/dags/silver/assets/queuedEvents"
    assert api.send("GET", queued)["total_entries"] == 1
    airflow.make_ready(PIPELINE)
    assert api.send("GET", queued)["total_entries"] == 0


def test_where_nothing_listens_and_nobody_will_start_it_no_time_is_lost(
    stack: Settings,
) -> None:
    load_or_create("nobody")
    nobody = replace(stack, instance="nobody", airflow_url=f"http://127.0.0.1:{free_port()}")
    try:
        with pytest.raises(ServiceDown, match="airflow-api-server at"):
            Airflow(nobody)
    finally:
        reset("nobody")


def test_services_are_seen_to_run_to_speak_and_to_be_kept(stack: Settings) -> None:
    signs = Signs(load(TEST_INSTANCE), "spark", "airflow-scheduler")
    found = list(signs())
    assert any(re.match(r"spark is RUNNING, process \d+", sign) for sign in found)
    assert any(sign.startswith("airflow-scheduler said: ") for sign in found)
    assert signs.is_kept("spark")
    assert not signs.is_kept("nobody")
    assert "spark.log:" in signs.last_words()


@pytest.mark.alone
def test_a_start_in_which_nothing_moves_ends_and_names_who_stands_still(
    stack: Settings, stopped: Stopped, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = load(TEST_INSTANCE)
    stubs = replace(instance, services=tuple(s for s in instance.services if s.name == "stubs"))
    with stopped("stubs"), monkeypatch.context() as patched:
        patched.setattr(watch, "Awaited", partial(Awaited, still_seconds=3))
        with pytest.raises(StartFailed, match="stubs is not healthy; nothing has moved for"):
            list(watch.healthy(stubs, stack))
    assert [name for name, _ in watch.healthy(stubs, stack)] == ["stubs"]
