"""Every query of every panel and every rule, asked of the stack's own Prometheus."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from infra.prometheus.native import RULES
from jobs.settings import ROOT, Settings
from tests.alertmanager.running import wait_until

pytestmark = pytest.mark.integration

GRAFANA = ROOT / "infra" / "grafana"
BOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
NAMES = re.compile(r"\b(?:lakeproof|minio|kafka|metrics_lakeproof|alertmanager)_\w+")


def panels(board: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(board.read_text())["panels"]
    return found


def queries() -> list[str]:
    """The text of every query of the dashboards and of the rules."""
    shown = [t["expr"] for board in BOARDS for panel in panels(board) for t in panel["targets"]]
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [*shown, *(rule["expr"] for group in groups for rule in group["rules"])]


def asked(stack: Settings, path: str, **parameters: str) -> Any:
    answer = requests.get(f"{stack.prometheus_url}/api/v1/{path}", parameters, timeout=10).json()
    assert answer["status"] == "success", (parameters, answer)
    return answer["data"]


def test_every_query_is_understood(stack: Settings) -> None:
    assert len(queries()) > 50
    for query in queries():
        asked(stack, "query", query=query)


def test_every_metric_is_one_that_somebody_gives(stack: Settings) -> None:
    """The exporter names what it has no value for yet; of the others Prometheus knows some."""
    used = {name for query in queries() for name in NAMES.findall(query)}

    def unknown() -> set[str]:
        exported = requests.get(f"{stack.metrics_url}/metrics", timeout=10).text
        given = set(re.findall(r"^# TYPE (\S+)", exported, re.MULTILINE))
        return used - given - set(asked(stack, "label/__name__/values"))

    assert used
    wait_until(lambda: not unknown(), f"all are given but {unknown()}")


def test_every_panel_asks_the_provisioned_prometheus() -> None:
    file = GRAFANA / "provisioning" / "datasources" / "prometheus.yml"
    [source] = yaml.safe_load(file.read_text())["datasources"]
    for board in BOARDS:
        assert {panel["datasource"]["uid"] for panel in panels(board)} == {source["uid"]}
        assert len({panel["id"] for panel in panels(board)}) == len(panels(board))
        assert all(target["expr"] for panel in panels(board) for target in panel["targets"])
