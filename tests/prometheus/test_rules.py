"""The alert rules: each is looked at on both sides of its threshold, by Prometheus' own tool."""

import re
import subprocess
from pathlib import Path

import yaml

from infra.native.install import go_program
from infra.prometheus.native import RULES

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*.test.yml"))
SEVERITIES = {"info", "warning", "critical"}


def promtool(*arguments: str) -> None:
    """Nothing; promtool found nothing wrong."""
    program = go_program("promtool", "prometheus")
    assert program.exists(), "`make up` builds promtool at its first start"
    done = subprocess.run([str(program), *arguments], cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[dict[str, dict[str, str]]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_rules_say_what_prometheus_understands() -> None:
    promtool("check", "rules", "--lint-fatal", str(RULES))


def test_alerts_fire_beyond_their_thresholds_and_not_before() -> None:
    promtool("test", "rules", *map(str, CASES))


def test_every_alert_is_seen_firing_in_a_case() -> None:
    text = "".join(path.read_text() for path in CASES)
    fired = set(re.findall(r'alertname="(\w+)", alertstate="firing"', text))
    assert fired == {str(rule["alert"]) for rule in alerts()}


def test_every_alert_says_how_urgent_it_is_and_what_happened() -> None:
    assert {rule["labels"]["severity"] for rule in alerts()} <= SEVERITIES
    assert all(rule["annotations"]["summary"] for rule in alerts())
