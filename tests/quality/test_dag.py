"""The quality DAG: all tables are judged, what fails is told, a critical failure fails the run."""

import subprocess
import sys
from typing import Any

import pytest

from jobs.settings import ROOT

HEAVY = ("pyspark", "pandas", "great_expectations", "minio", "kafka", "clickhouse_connect")


@pytest.fixture(scope="module")
def dag(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(str(ROOT / "dags" / "quality.py"))
    assert bag.import_errors == {}
    return bag.dags["quality"]


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


def test_reading_the_file_imports_nothing_heavy() -> None:
    code = (
        "import runpy, sys\n"
        "runpy.run_path('dags/quality.py')\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"
