"""The DAGs of operations as Airflow reads them: careful by default, and heard when they fail."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import TimeRestriction

from infra.airflow.callbacks import tell_failure
from infra.airflow.on_request import DaysOnRequest
from infra.airflow.plugins.timetables import Timetables

DRILL = "alarm_drill"


@pytest.fixture
def dags(dags: dict[str, Any]) -> dict[str, Any]:
    """The DAGs of the platform; `overhead` measures what an empty task costs."""
    return {dag_id: dag for dag_id, dag in dags.items() if dag_id != "overhead"}


def _allowed(dag: Any) -> timedelta:
    [alert] = dag.deadline
    assert alert.callback.path == "infra.airflow.callbacks.tell_late"
    return timedelta(seconds=alert.interval.total_seconds())


def test_maintenance_deletes_nothing_unless_told_and_nothing_younger_than_a_week(
    dags: dict[str, Any],
) -> None:
    params = dags["maintenance"].params
    assert params["confirm"] is False
    assert params["retention_days"] == 7
    assert params.get_param("retention_days").schema["minimum"] == 7


@pytest.mark.parametrize(("dag_id", "days"), [("maintenance", 1), ("quality", 1), ("answers", 7)])
def test_switched_on_the_nightly_dags_wait_for_the_next_night(
    dags: dict[str, Any], dag_id: str, days: int
) -> None:
    """Else what a person starts then waits behind a run over all tables for last night."""
    dag = dags[dag_id]
    timetable = decode_timetable(encode_timetable(dag.timetable))
    since = TimeRestriction(earliest=dag.start_date, latest=None, catchup=dag.catchup)
    asked_at = datetime.now(UTC)
    first = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=since)
    assert asked_at < first.run_after <= asked_at + timedelta(days=days, seconds=1)


def test_the_backfill_runs_only_what_it_is_asked_for(dags: dict[str, Any]) -> None:
    """Airflow's own schedule of days adds a run for last night once there was a backfill."""
    timetable = dags["backfill"].timetable
    assert type(timetable) in Timetables.timetables
    stored = DaysOnRequest.deserialize(timetable.serialize())
    since = TimeRestriction(earliest=None, latest=None, catchup=False)
    first, last = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
    asked = list(stored.iter_partition_dagrun_infos(earliest=first, latest=last))
    assert [run.partition_key for run in asked] == ["2026-01-05", "2026-01-06"]
    assert stored.next_dagrun_info_v2(last_dagrun_info=asked[-1], restriction=since) is None


def test_maintenance_is_mapped_over_the_tables_it_finds(dags: dict[str, Any]) -> None:
    dag = dags["maintenance"]
    assert dag.get_task("maintain").is_mapped
    assert dag.get_task("maintain").upstream_task_ids == {"tables"}
    assert dag.get_task("report").upstream_task_ids == {"maintain"}


def test_a_backfilled_day_is_the_partition_and_days_run_one_after_another(
    dags: dict[str, Any],
) -> None:
    dag = dags["backfill"]
    assert dag.timetable.partitioned
    assert dag.max_active_runs == 1
    assert dag.get_task("serve").upstream_task_ids == {"recompute"}
    assert [asset.name for asset in dag.get_task("serve").outlets] == ["mart.day"]


def test_a_task_that_fails_is_tried_again_and_then_told(dags: dict[str, Any]) -> None:
    for task in [task for dag_id, dag in dags.items() if dag_id != DRILL for task in dag.tasks]:
        failed = task.partial_kwargs if task.is_mapped else vars(task)
        assert failed["on_failure_callback"] in (tell_failure, [tell_failure]), task.task_id
        assert failed["retries"] == 3


def test_every_dag_has_a_deadline_that_is_told(dags: dict[str, Any]) -> None:
    half_an_hour = timedelta(minutes=30)
    assert {dag_id: _allowed(dag) for dag_id, dag in dags.items()} == {
        "ingest": half_an_hour,
        "silver": half_an_hour,
        "gold": half_an_hour,
        "serve": half_an_hour,
        "quality": timedelta(hours=2),
        "reconcile": timedelta(hours=1),
        "answers": timedelta(hours=2),
        "maintenance": timedelta(hours=2),
        "backfill": half_an_hour,
        "capture": timedelta(minutes=5),
        "streams": timedelta(minutes=5),
        "alarm_drill": timedelta(seconds=2),
    }


def test_the_drill_succeeds_only_after_both_alarms_were_seen(dags: dict[str, Any]) -> None:
    dag = dags["alarm_drill"]
    assert dag.get_task("fail_on_purpose").upstream_task_ids == {"be_late"}
    last = dag.get_task("failure_was_told")
    assert last.upstream_task_ids == {"fail_on_purpose"}
    assert last.trigger_rule == "all_failed"
