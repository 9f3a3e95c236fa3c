"""What the shop's people watch is computed as they would by hand."""

from datetime import date, timedelta
from typing import Any

from infra.metrics.business import USUAL_DAYS, against_usual, ctr, month_spend_eur

DAY = date(2026, 3, 2)


def spend(day: date, platform: str = "x", **more: int) -> dict[str, Any]:
    """A campaign's row of one day."""
    figures = {"impressions": 1000, "clicks": 20, "spend_eur_cents": 150}
    return {"spend_date": day, "platform": platform, **figures, **more}


def test_spend_is_of_the_newest_days_month_only() -> None:
    found = [spend(DAY), spend(DAY - timedelta(days=1)), spend(date(2026, 2, 28)), spend(DAY, "y")]
    assert month_spend_eur(found) == {"x": 3.0, "y": 1.5}


def test_nothing_was_spent_where_there_is_no_row() -> None:
    assert month_spend_eur([]) == {}


def test_click_rate_is_of_all_campaigns_of_a_day() -> None:
    found = [spend(DAY), spend(DAY, impressions=3000, clicks=20), spend(DAY, "y", impressions=0)]
    assert ctr(found) == {"x": {DAY: 0.01}, "y": {}}


def test_usual_is_what_was_in_the_weeks_before_the_newest_day() -> None:
    days = {DAY - timedelta(days=n): float(n) for n in range(USUAL_DAYS + 5)}
    newest, usual = against_usual(days)
    assert newest == 0.0
    assert sorted(usual) == [float(n) for n in range(1, USUAL_DAYS + 1)]


def test_of_two_days_before_nothing_is_usual() -> None:
    days = {DAY - timedelta(days=n): 1.0 for n in range(3)}
    assert against_usual(days) == (1.0, [])
    assert against_usual({}) == (None, [])
