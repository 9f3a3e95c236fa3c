"""Adding a table is two files: everything else of it appears by itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tree import copied, python

YAML = """
description: Which currencies do people pay in, day by day?
grain: one row per order_date and currency
inputs: [silver.orders]
load: recompute
group: order_date
touched_by: {silver.orders: order_date}
keys: [order_date, currency]
columns:
  order_date: {type: date, unit: UTC day, about: Day of the orders}
  currency: {type: string, unit: ISO 4217, about: Paid in}
  orders_count: {type: bigint, unit: orders, about: How many}
quality:
  - {rule: unique, columns: [order_date, currency], severity: critical}
freshness: 1 hour
serve: {order_by: [order_date, currency]}
examples:
  - {name: no orders make no rows, given: {silver.orders: []}, expect: []}
"""
TRANSFORM = '''"""Orders by day and currency."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(orders: DataFrame) -> DataFrame:
    """How many orders of each day were paid in each currency."""
    return orders.groupBy("order_date", "currency").agg(F.count("*").alias("orders_count"))
'''
# Runs inside the temporary tree and tells what is there.
TELL = """
import json, os
from airflow.dag_processing.dagbag import DagBag
from jobs.contracts import contract
from jobs.dictionary import dictionary
from jobs.settings import ROOT
from jobs.specs import find_spec, load_specs
from quality.rules import expectation
spec = find_spec("gold.currencies")
dags = DagBag(str(ROOT / "dags")).dags
print("TOLD " + json.dumps({
    "root": str(ROOT),
    "task": sorted(dags["gold"].get_task("gold.currencies").upstream_task_ids),
    "waits": sorted(a.name for a in dags["gold"].timetable.asset_condition.objects),
    "mart": [t.task_id for t in dags["serve"].tasks if "currencies" in t.task_id],
    "suite": [expectation(r, "metric_0")["meta"]["rule"] for r in spec.dataset_rules],
    "entry": dictionary(load_specs()).count("### gold.currencies"),
    "contract": contract(spec)["id"],
    "transform": spec.transform.__module__,
}))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository to which two files were added."""
    root = copied(tmp_path_factory.mktemp("tree"))
    (root / "jobs" / "gold" / "currencies.yml").write_text(YAML)
    (root / "jobs" / "gold" / "currencies.py").write_text(TRANSFORM)
    return root


def _python(tree: Path, *arguments: str) -> str:
    done = python(tree, *arguments, AIRFLOW_HOME=str(tree / "airflow"))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_task_suite_mart_dictionary_and_contract_appear(tree: Path) -> None:
    output = _python(tree, "-c", TELL)
    told: dict[str, Any] = json.loads(output.partition("TOLD ")[2].splitlines()[0])
    assert told.pop("root") == str(tree)
    assert "silver.orders" in told.pop("waits")
    assert told == {
        "task": [],
        "mart": ["mart.currencies"],
        "suite": [
            "complete:order_date",
            "complete:currency",
            "complete:orders_count",
            "unique",
        ],
        "entry": 1,
        "contract": "lakeproof.gold.currencies",
        "transform": "jobs.gold.currencies",
    }


def test_its_worked_examples_become_tests(tree: Path) -> None:
    collected = _python(
        tree, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider",
        "tests/integration/test_examples.py",
    )  # fmt: skip
    assert "test_a_worked_example_holds[gold.currencies: no orders make no rows]" in collected
