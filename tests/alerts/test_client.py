"""Alerts as jobs and Airflow send them, to a server that listens and to none."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.airflow.callbacks import late_after, tell_failure, tell_late
from jobs.alert import Alert, alert, alerts, await_alert
from jobs.errors import GateFailed, LakeproofError, ServiceDown
from jobs.settings import Settings, load_settings, settings_from
from tests.alerts.serving import serving

NOBODY = "http://127.0.0.1:9"
TOLD = ("title", "severity", "source", "detail")


def _environment(alert_url: str) -> dict[str, str]:
    given = {"ALERT_URL": alert_url, "AIRFLOW_URL": "http://127.0.0.1:1", "CLICKHOUSE_PORT": "1"}
    return {item.name.upper(): "x" for item in fields(Settings)} | given


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings, in the environment too, whose alert channel listens."""
    with serving(tmp_path) as client:
        for name, value in _environment(client.url).items():
            monkeypatch.setenv(name, value)
        load_settings.cache_clear()
        yield load_settings()
    load_settings.cache_clear()


def _failed_task(error: object) -> dict[str, Any]:
    task = SimpleNamespace(dag_id="gold", task_id="gold.fact", run_id="manual__1", try_number=2)
    return {"ti": task, "exception": error}


def _last(settings: Settings) -> dict[str, Any]:
    return alerts(settings)[-1]


def test_an_alert_arrives_as_it_was_sent(settings: Settings) -> None:
    number = alert(settings, Alert("late", "warning", "airflow gold", "a\nb"))
    kept = _last(settings)
    assert kept["number"] == number
    assert [kept[name] for name in TOLD] == ["late", "warning", "airflow gold", "a\nb"]


def test_an_alert_too_long_for_the_channel_is_cut_and_its_title_is_one_line(
    settings: Settings,
) -> None:
    alert(settings, Alert("a\nb\x00" + "x" * 400, "info", "s" * 400, "d" * 30_000 + "\ud800"))
    kept = _last(settings)
    assert kept["title"] == "a b " + "x" * 296
    assert (len(kept["source"]), len(kept["detail"])) == (300, 20_000)


def test_a_refusal_repeats_the_words_of_the_channel(settings: Settings) -> None:
    with pytest.raises(LakeproofError, match="refused POST: 400 .*severity must be one of info"):
        alert(settings, Alert("late", "urgent", "airflow gold"))


def test_a_channel_that_does_not_answer_is_named() -> None:
    with pytest.raises(ServiceDown, match=f"alerts at {NOBODY} does not answer"):
        alert(settings_from(_environment(NOBODY)), Alert("late", "warning", "airflow gold"))


def test_an_awaited_alert_is_found_by_its_title_and_detail(settings: Settings) -> None:
    alert(settings, Alert("gold is late", "warning", "airflow gold", "run: 1"))
    assert await_alert(settings, ("is late", "run: 1"), 1) == "gold is late"
    with pytest.raises(LakeproofError, match="no alert 'is late' with 'run: 2' came"):
        await_alert(settings, ("is late", "run: 2"), 0)


def test_a_failed_task_is_told_with_run_error_and_log(settings: Settings) -> None:
    tell_failure(_failed_task(GateFailed("gold.fact: 3 rows lack a rate\nand more")))
    kept = _last(settings)
    assert kept["title"] == "gold.gold.fact failed: GateFailed: gold.fact: 3 rows lack a rate"
    assert kept["severity"] == "critical"
    assert kept["detail"].splitlines() == [
        "dag: gold",
        "task: gold.fact",
        "run: manual__1",
        "try: 2",
        "error: GateFailed: gold.fact: 3 rows lack a rate",
        "log: http://127.0.0.1:1/dags/gold/runs/manual__1/tasks/gold.fact",
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, "it was killed or lost: no exception was seen"),
        ("killed by signal 9\nmore", "killed by signal 9"),
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError(), "ValueError"),
    ],
)
def test_whatever_made_a_task_fail_is_told_in_a_line(
    settings: Settings, error: object, said: str
) -> None:
    tell_failure(_failed_task(error))
    assert _last(settings)["title"] == f"gold.gold.fact failed: {said}"


def test_a_late_run_is_told_with_its_deadline(settings: Settings) -> None:
    run = {"dag_id": "gold", "dag_run_id": "manual__1", "queued_at": "2026-01-05T10:00:00Z"}
    deadline = {"id": "1", "deadline_time": "2026-01-05T10:15:00Z"}
    asyncio.run(tell_late("0:15:00", {"dag_run": run, "deadline": deadline}))
    kept = _last(settings)
    assert kept["title"] == "gold is late: not done 0:15:00 after it was queued"
    assert kept["severity"] == "warning"
    assert "run: manual__1" in kept["detail"]
    assert "deadline: 2026-01-05T10:15:00Z" in kept["detail"]


def test_the_deadline_of_a_dag_names_a_function_that_the_triggerer_can_import() -> None:
    callback = late_after(minutes=15).callback
    assert callback.path == "infra.airflow.callbacks.tell_late"
    assert callback.kwargs == {"allowed": "0:15:00"}


def test_an_alert_nobody_receives_is_a_line_in_the_log_and_no_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ALERT_URL", NOBODY)
    load_settings.cache_clear()
    with caplog.at_level(logging.ERROR):
        tell_failure(_failed_task(GateFailed("3 rows")))
    assert "this alert reached nobody: gold.gold.fact failed: GateFailed: 3 rows" in caplog.text
