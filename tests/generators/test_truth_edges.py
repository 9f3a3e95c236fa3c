"""The truth of the marts at every edge: ties, boundaries, midnight, and days that merge."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import pytest

from generators.facts import Clicked, Fact, OrderPlaced, Refunded, Sale, Stocked
from generators.marts import expected
from generators.messages import CLICKS, Message
from generators.run import Run
from generators.truth import Truth
from jobs.errors import LakeproofError

DAY = date(2026, 1, 5)
NEXT_DAY = date(2026, 1, 6)
MINUTE_MS = 60_000


def told(*messages: Iterable[Fact], day: date = DAY) -> Truth:
    """The truth of a day on which just this happened."""
    truth = Truth.of(Run(day, 0, 7))
    list(truth.counting(Message(CLICKS, b"", b"", facts=tuple(facts)) for facts in messages))
    return truth


def bought(order_id: str, customer_id: str, ordered_ms: int, cents: int = 100) -> list[Fact]:
    """An order of one line."""
    sale = Sale(order_id, 1, "prd-001", "Audio", 2, cents)
    return [OrderPlaced(order_id, customer_id, ordered_ms, "EUR", cents), sale]


def test_a_refund_of_no_good_order_or_no_line_of_it_counts_nowhere() -> None:
    refunds = [Refunded("o-9", 1, 1, 50, "prd-001"), Refunded("o-1", 2, 1, 50, "prd-001")]
    kept = Refunded("o-1", 1, 1, 50, "prd-001")
    marts = expected([told([kept], refunds[:1], bought("o-1", "c-1", 0), refunds[1:])])
    assert marts["refund_rate"][DAY, "Audio"] == {
        "units_count": 2,
        "refunded_units_count": 1,
        "revenue_eur_cents": 100,
        "refunded_eur_cents": 50,
        "refund_rate": Decimal("0.5"),
    }


def test_an_order_goes_to_the_greater_click_id_of_its_very_moment_and_to_no_later_click() -> None:
    clicks = [
        Clicked("k-2", "s-1", "c-1", 1000, "view", "cmp-x-2"),
        Clicked("k-1", "s-1", "c-1", 1000, "view", "cmp-x-1"),
        Clicked("k-3", "s-1", "c-1", 1001, "view", "cmp-x-3"),
        Clicked("k-4", "s-2", "c-2", 900, "view", "cmp-x-3"),
    ]
    truth = told(clicks, bought("o-1", "c-1", 1000), bought("o-2", "c-1", 999))
    assert {name: vars(sales) for name, sales in truth.marts.campaigns.items()} == {
        "cmp-x-2": {"attributed_orders_count": 1, "attributed_revenue_eur_cents": 100}
    }


@pytest.mark.parametrize(
    ("ordered_ms", "ordered_count"),
    [(999, 0), (1000, 1), (2000 + 30 * MINUTE_MS, 1), (2001 + 30 * MINUTE_MS, 0)],
)
def test_an_order_follows_a_visit_until_half_an_hour_after_it(
    ordered_ms: int, ordered_count: int
) -> None:
    visit = [Clicked(f"k-{ms}", "s-1", "c-1", ms, "view", "") for ms in (2000, 1000)]
    assert told(visit, bought("o-1", "c-1", ordered_ms)).marts.funnel.ordered_count == ordered_count


@pytest.mark.parametrize(("last_ms", "is_suspect"), [(10 * MINUTE_MS - 1, True), (600_000, False)])
def test_three_orders_are_suspicious_in_less_than_ten_minutes(
    last_ms: int, is_suspect: bool
) -> None:
    orders = [bought(f"o-{ms}", "c-1", ms) for ms in (last_ms, 0, 5)]
    assert ("c-1" in told(*orders).marts.suspects) == is_suspect


def test_days_merge_into_lifetimes_and_cohorts_in_any_order() -> None:
    days = (date(2026, 3, 1), date(2025, 12, 31), date(2026, 1, 1))
    truths = [told(bought(f"o-{day}", "c-1", 0), day=day) for day in days]
    truths[2].count(bought("o-2", "c-2", 0))
    marts = expected(truths)
    assert marts["customer_lifetime_value"]["c-1",] == {
        "first_order_date": date(2025, 12, 31),
        "last_order_date": date(2026, 3, 1),
        "orders_count": 3,
        "revenue_eur_cents": 300,
        "refunded_eur_cents": 0,
        "net_revenue_eur_cents": 300,
    }
    assert {group: tuple(row.values()) for group, row in marts["cohort_retention"].items()} == {
        (date(2025, 12, 1), 0): (1, 1),
        (date(2025, 12, 1), 1): (1, 1),
        (date(2025, 12, 1), 3): (1, 1),
        (date(2026, 1, 1), 0): (1, 1),
    }


def test_stock_adds_up_over_days() -> None:
    units_by_day = {DAY: 9, NEXT_DAY: -4}
    truths = [told([Stocked("prd-001", units)], day=day) for day, units in units_by_day.items()]
    assert expected(truths)["inventory_position"]["prd-001",]["on_hand_units"] == 5


def test_a_visit_is_that_of_the_customer_of_its_first_click() -> None:
    visit = [
        Clicked("k-2", "s-1", "c-2", 1000, "checkout", ""),
        Clicked("k-1", "s-1", "c-1", 1000, "view", ""),
    ]
    assert told(visit, bought("o-1", "c-1", 1000)).marts.funnel.ordered_count == 1
    assert told(visit, bought("o-1", "c-2", 1000)).marts.funnel.ordered_count == 0


def test_two_runs_of_one_day_are_refused() -> None:
    with pytest.raises(LakeproofError, match="Two runs tell of 2026-01-05"):
        expected([told(), told()])
