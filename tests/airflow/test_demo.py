"""The demo as a user runs it, through the real scheduler, twice, on a machine that is slow."""

import pytest

from infra.demo.__main__ import report
from jobs.session import clickhouse
from jobs.settings import Settings
from tests.airflow.conftest import TwoDays

pytestmark = pytest.mark.integration


def test_the_demo_balances_after_one_that_was_killed_and_beside_who_takes_every_processor(
    two_days: TwoDays,
) -> None:
    first = two_days.first
    assert first.returncode == 0, first.stdout + first.stderr
    assert "in the middle of this day; it is sent once more, whole" in first.stdout
    assert "DIFFERS" not in first.stdout
    assert "difference 0 cents" in first.stdout


def test_a_streamed_second_day_is_added_and_balances_though_each_answer_is_late(
    two_days: TwoDays,
) -> None:
    second = two_days.second
    assert second.returncode == 0, second.stdout + second.stderr
    assert "DIFFERS" not in second.stdout
    assert "orders were readable in mart: p50" in second.stdout
    assert "waiting for airflow-api-server to answer" in second.stderr


def test_the_demo_fails_and_names_the_group_when_the_mart_is_not_the_truth(
    stack: Settings, two_days: TwoDays, capsys: pytest.CaptureFixture[str]
) -> None:
    assert two_days.second.returncode == 0
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
