"""Evidence: what is expected holds or fails the test, and survives being kept."""

import json

import pytest

from answers.evidence import (
    Bounds,
    Evidence,
    Scalar,
    at_least,
    at_most,
    from_json,
    less_than,
    more_than,
    quoted,
    shown,
    to_json,
)


@pytest.mark.parametrize(
    ("measured", "expected", "is_met"),
    [
        (3, 3, True),
        (3, 4, False),
        ("a", "a", True),
        (0, None, True),
        (3, at_least(3), True),
        (2, at_least(3), False),
        (3, at_most(3), True),
        (4, at_most(3), False),
        (1, more_than(0), True),
        (0, more_than(0), False),
        (0, less_than(1), True),
        (1, less_than(1), False),
        (2, Bounds(1, 3), True),
        (4, Bounds(1, 3), False),
    ],
)
def test_a_value_is_kept_and_fails_the_test_when_it_is_not_as_expected(
    measured: Scalar, expected: Scalar | Bounds | None, is_met: bool
) -> None:
    evidence = Evidence("test_a")
    if is_met:
        evidence("rows lost", measured, expected, "rows")
    else:
        with pytest.raises(AssertionError, match="rows lost: expected .*, measured"):
            evidence("rows lost", measured, expected, "rows")
    [kept] = evidence.items
    assert kept.is_met is is_met


def test_what_was_shown_comes_back_from_json_as_it_was() -> None:
    evidence = Evidence("test_a")
    evidence("rows lost", 0, at_most(0), "rows")
    evidence.table("few", ("a", "b"), [(1, "x"), (2.5, True)])
    evidence.series("bars", {"one": 1, "two": 2.5}, "s")
    assert from_json(json.loads(json.dumps(to_json(evidence.items)))) == evidence.items


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.123456, "0.123"),
        (1234.5, "1,234"),
        (99.94, "99.9"),
        (0.0, "0"),
        (True, "yes"),
        ("x", "x"),
        (at_least(1000), ">= 1,000"),
        (more_than(0), "> 0"),
        (less_than(2), "< 2"),
        (at_most(0), "<= 0"),
        (Bounds(1, 3), "1 to 3"),
    ],
)
def test_numbers_are_written_for_people(value: Scalar | Bounds, text: str) -> None:
    assert shown(value) == text


def test_a_sentence_quotes_a_value_with_its_unit() -> None:
    evidence = Evidence("test_a")
    evidence("rows lost", 1200, None, "rows")
    evidence.table("few", ("a",), [(1,)])
    assert quoted(evidence.items) == {"rows lost": "1,200 rows"}
