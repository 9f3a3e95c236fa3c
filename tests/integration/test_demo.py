"""The demo as a user runs it, through the real scheduler, twice."""

import os
import subprocess
import sys

import pytest

from infra.demo.__main__ import report
from infra.demo.reconcile import served
from jobs.session import clickhouse
from jobs.settings import ROOT, Settings
from tests.integration.lake import environment

pytestmark = pytest.mark.integration

EIGHT_HOURS_IN_HALF_A_MINUTE = "960"


def _demo(settings: Settings, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.demo"],
        cwd=ROOT,
        env=os.environ | environment(settings) | {"ORDERS": "300"} | more,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def first(stack: Settings) -> subprocess.CompletedProcess[str]:
    """The first demo of the instance."""
    return _demo(stack)


def test_the_demo_balances_and_a_second_day_that_is_streamed_is_added(
    stack: Settings, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0, first.stdout + first.stderr
    assert "DIFFERS" not in first.stdout
    assert "difference 0 cents" in first.stdout
    days = {order_date for order_date, _ in served("daily_revenue", stack)}
    second = _demo(stack, SPEED=EIGHT_HOURS_IN_HALF_A_MINUTE)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "orders were readable in mart: p50" in second.stdout
    assert len({order_date for order_date, _ in served("daily_revenue", stack)}) == len(days) + 1


def test_the_demo_fails_and_names_the_group_when_the_mart_is_not_the_truth(
    stack: Settings,
    first: subprocess.CompletedProcess[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert first.returncode == 0
    mart = f"{stack.database('gold')}.daily_revenue"
    client = clickhouse(stack)
    client.command(
        f"ALTER TABLE {mart} UPDATE revenue_eur_cents = revenue_eur_cents + 1 "
        "WHERE category = 'Audio' SETTINGS mutations_sync = 1"
    )
    try:
        assert not report(stack)
        told = capsys.readouterr().out
        assert "first differing group" in told
        assert "Audio" in told
    finally:
        client.command(
            f"ALTER TABLE {mart} UPDATE revenue_eur_cents = revenue_eur_cents - 1 "
            "WHERE category = 'Audio' SETTINGS mutations_sync = 1"
        )
