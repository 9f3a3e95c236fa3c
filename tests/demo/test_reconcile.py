"""What the demo says of a mart beside its truth."""

from datetime import date
from typing import Any

import pytest

from generators.marts import MARTS
from infra.demo.__main__ import print_verdict
from infra.demo.reconcile import KEY_COLUMNS, Difference, Verdict
from jobs.specs import find_spec

GROUP = (date(2026, 1, 5), "Audio")
TRUTH = {"units_count": 3, "revenue_eur_cents": 1000}


@pytest.mark.parametrize(
    ("expected", "found", "sentence"),
    [
        (
            TRUTH,
            {"units_count": 3, "revenue_eur_cents": 1001},
            "refund_rate: group 2026-01-05, Audio has revenue_eur_cents 1001 instead of 1000",
        ),
        (TRUTH, None, "refund_rate: the mart has no group 2026-01-05, Audio"),
        (None, TRUTH, "refund_rate: the truth has no group 2026-01-05, Audio"),
    ],
)
def test_a_difference_tells_the_group_and_both_sides(
    expected: dict[str, Any] | None, found: dict[str, Any] | None, sentence: str
) -> None:
    assert str(Difference("refund_rate", GROUP, expected, found)) == sentence


def test_every_mart_has_a_line_with_its_difference_in_cents(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = Difference("refund_rate", GROUP, TRUTH, None)
    print_verdict(Verdict("daily_revenue", 8, "revenue_eur_cents", 123456, 123456, ()))
    print_verdict(Verdict("refund_rate", 7, "refunded_eur_cents", 99_900, 100_000, (wrong,)))
    print_verdict(Verdict("conversion_funnel", 1, "ordered_count", 1234, 1234, ()))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "equal daily_revenue 8 groups revenue EUR 1,234.56, difference 0 cents",
        "DIFFERS refund_rate 7 groups refunded EUR 999.00, difference 100 cents",
        f"first differing group: {wrong}",
        "equal conversion_funnel 1 groups ordered_count 1,234, difference 0",
    ]


def test_every_mart_has_a_column_whose_sum_stands_for_it() -> None:
    assert KEY_COLUMNS.keys() == MARTS.keys()
    for mart, column in KEY_COLUMNS.items():
        assert column in find_spec(f"gold.{mart}").columns
