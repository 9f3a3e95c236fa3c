"""The DAGs as Airflow reads them: complete, linked by assets, and light at parse time."""

import subprocess
import sys
from typing import Any

import pytest

from jobs.settings import ROOT
from jobs.specs import load_specs

HEAVY = (
    "pyspark",
    "pandas",
    "great_expectations",
    "minio",
    "kafka",
    "clickhouse_connect",
    "deltalake",
)


def _assets_read(dag: Any) -> set[str]:
    return {asset.name for asset in dag.timetable.asset_condition.objects}


def test_every_table_has_exactly_one_task_that_produces_it(dags: dict[str, Any]) -> None:
    produced = [
        outlet.name
        for dag in dags.values()
        for task in dag.tasks
        for outlet in task.outlets
        if not outlet.name.startswith("mart.") and outlet.name != "apis"
    ]
    assert sorted(produced + _mapped_tables(dags)) == sorted(load_specs())


def _mapped_tables(dags: dict[str, Any]) -> list[str]:
    mapped = dags["ingest"].get_task("apis")
    return list(mapped.op_kwargs_expand_input.value["table"])


def test_tables_of_apis_are_mapped_few_at_a_time_and_update_only_their_own_asset(
    dags: dict[str, Any],
) -> None:
    mapped = dags["ingest"].get_task("apis")
    pulled = [
        spec.name
        for spec in load_specs().values()
        if spec.source and spec.source.pull.get("from") == "api"
    ]
    assert sorted(_mapped_tables(dags)) == sorted(pulled)
    assert len(pulled) == 6
    assert (mapped.max_active_tis_per_dagrun, mapped.retries) == (2, 3)
    assert [type(outlet).__name__ for outlet in mapped.outlets] == ["AssetAlias"]


def test_every_served_table_becomes_a_mart(dags: dict[str, Any]) -> None:
    served = {f"mart.{s.name.partition('.')[2]}" for s in load_specs().values() if s.serve}
    assert {task.task_id for task in dags["serve"].tasks} == served
    assert _assets_read(dags["serve"]) == {s.name for s in load_specs().values() if s.serve}


def test_the_page_of_a_dag_explains_each_of_its_tables(dags: dict[str, Any]) -> None:
    for spec in load_specs().values():
        page = dags["ingest" if spec.layer == "bronze" else spec.layer].doc_md
        assert f"**{spec.name}** ({spec.load}): {spec.description}" in page
        assert not spec.serve or spec.description in dags["serve"].doc_md


@pytest.mark.parametrize("layer", ["silver", "gold"])
def test_a_layer_waits_for_all_it_reads_from_other_layers(dags: dict[str, Any], layer: str) -> None:
    specs = [spec for spec in load_specs().values() if spec.layer == layer]
    read = {table for spec in specs for table in spec.inputs if not table.startswith(layer)}
    assert _assets_read(dags[layer]) == read


def test_tables_of_one_layer_run_after_those_they_read(dags: dict[str, Any]) -> None:
    for spec in load_specs().values():
        if spec.layer == "bronze":
            continue
        task = dags[spec.layer].get_task(spec.name)
        within = {table for table in spec.inputs if table.startswith(spec.layer)}
        assert task.upstream_task_ids == within


def test_every_dag_explains_itself_and_never_overlaps_itself(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert dag.doc_md and dag.tags, dag.dag_id
    for dag_id in ("ingest", "silver", "gold", "serve"):
        assert dags[dag_id].max_active_runs == 1
        assert all(task.retries == 3 for task in dags[dag_id].tasks)


def test_reading_the_dag_files_imports_nothing_heavy() -> None:
    code = (
        "import glob, runpy, sys\n"
        "for path in glob.glob('dags/*.py'): runpy.run_path(path)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"
