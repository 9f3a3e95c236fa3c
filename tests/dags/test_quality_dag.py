"""The quality DAG: all tables are judged, what fails is told, a critical failure fails the run."""

from typing import Any

import pytest


@pytest.fixture
def dag(dags: dict[str, Any]) -> Any:
    return dags["quality"]


def test_the_pass_is_mapped_over_the_tables(dag: Any) -> None:
    assert dag.get_task("judge").is_mapped
    assert dag.get_task("judge").upstream_task_ids == {"tables", "moment"}


def test_scores_docs_and_the_alert_come_whatever_a_table_said(dag: Any) -> None:
    assert dag.get_task("warn").trigger_rule == "all_done"
    assert dag.get_task("scores").trigger_rule == "all_done"
    assert dag.get_task("docs").upstream_task_ids == {"scores"}


def test_a_critical_failure_fails_the_run_after_all_was_told(dag: Any) -> None:
    assert dag.get_task("verdict").trigger_rule == "all_success"
    assert dag.get_task("verdict").upstream_task_ids == {"judge", "docs"}
