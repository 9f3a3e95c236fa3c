"""Rules that need the past or other tables: their numbers, from aggregates alone."""

from datetime import UTC, date, datetime
from math import inf

import pytest

from jobs.commits import RunRecord
from jobs.errors import SpecError
from jobs.spec import WATCHED, Column, Rule, Spec
from jobs.specs import find_spec, load_specs
from quality import rules, watch

THURSDAY, FRIDAY, SATURDAY = date(2026, 1, 8), date(2026, 1, 9), date(2026, 1, 10)


def _runs(*accepted: int) -> list[RunRecord]:
    """Run records of so many accepted rows, newest first."""
    return [RunRecord("r", 1, "silver.things", {}, {"accepted": rows}) for rows in accepted]


def test_a_run_is_held_against_the_median_of_those_before_it() -> None:
    assert watch.volume_factor(_runs(500, 90, 100, 4000, 110), 20) == (500 / 105, 500)


def test_only_so_many_runs_before_it_count() -> None:
    assert watch.volume_factor(_runs(100, 100, 100, 100, 9000, 9000, 9000), 3) == (1.0, 100)


def test_runs_that_moved_no_rows_are_no_history() -> None:
    released = RunRecord("r", 1, "silver.things", {}, {"accepted": 2, "quarantined": -2})
    runs = [released, *_runs(50, 0, 100, 0, 100, 100)]
    assert watch.volume_factor(runs, 20) == (0.5, 50)


def test_without_three_runs_before_it_a_run_is_not_judged() -> None:
    assert watch.volume_factor(_runs(500, 1, 1), 20) == (None, 500)
    assert watch.volume_factor([], 20) == (None, None)


def test_the_same_mix_on_another_day_is_no_drift() -> None:
    counts = {(FRIDAY, "EUR"): 700, (FRIDAY, "USD"): 300}
    counts |= {(SATURDAY, "EUR"): 350, (SATURDAY, "USD"): 150}
    assert watch.drift(counts) == pytest.approx(0)


def test_a_mix_turned_around_is_drift() -> None:
    counts = {(FRIDAY, "EUR"): 700, (FRIDAY, "USD"): 300}
    counts |= {(SATURDAY, "EUR"): 300, (SATURDAY, "USD"): 700}
    # (0.3 - 0.7) ln(0.3 / 0.7) twice
    assert watch.drift(counts) == pytest.approx(0.67784, abs=1e-5)


def test_it_is_the_newest_day_that_is_held_against_all_others() -> None:
    counts = {(THURSDAY, "EUR"): 200, (FRIDAY, "EUR"): 600, (SATURDAY, "USD"): 200}
    assert watch.drift(counts) == pytest.approx(watch.psi({"EUR": 800}, {"USD": 200}))


def test_a_value_never_seen_before_weighs_much_and_not_infinitely() -> None:
    # (0.5 - 1) ln(0.5 / 1) + (0.5 - 0.0005) ln(0.5 / 0.0005)
    assert watch.psi({"EUR": 1000}, {"EUR": 500, "CHF": 500}) == pytest.approx(3.79700, abs=1e-5)


def test_a_day_of_few_rows_is_not_judged() -> None:
    few = {(FRIDAY, "EUR"): 1000, (SATURDAY, "USD"): watch.MIN_ROWS - 1}
    assert watch.drift(few) is None
    assert watch.drift({}) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("10 minutes", 10), ("1 minute", 1), ("2 hours", 120), ("1 day", 1440)]
)
def test_a_length_of_time_is_read_as_minutes(text: str, expected: float) -> None:
    assert watch.minutes(text) == expected


def test_another_wording_of_a_time_is_refused() -> None:
    with pytest.raises(SpecError, match=r"'soon' is no length of time; write like `10 minutes`"):
        watch.minutes("soon")


def test_a_table_nothing_ever_reached_is_infinitely_old() -> None:
    noon = datetime(2026, 1, 9, 12, tzinfo=UTC)
    assert watch.age_minutes(datetime(2026, 1, 9, 11, 45, tzinfo=UTC), noon) == 15
    assert watch.age_minutes(None, noon) == inf


def test_a_watch_rule_is_not_judged_by_the_gate_and_freshness_is_one() -> None:
    drift = Rule("drift", "id", severity="warning", args={"by": "day", "max": 0.2})
    batch = Rule("row_count", severity="warning", args={"min": 1})
    columns = {"id": Column("string"), "day": Column("date")}
    spec = Spec(
        "silver.things", "", "", "insert", columns, quality=(drift, batch), freshness="1 hour"
    )
    assert spec.dataset_rules == (batch,)
    assert [rule.rule for rule in spec.watch_rules] == ["drift", "fresh"]


@pytest.mark.parametrize("spec", load_specs().values(), ids=lambda spec: spec.name)
def test_every_rule_of_a_table_can_be_measured_and_has_a_dimension(spec: Spec) -> None:
    for rule in (*spec.row_rules, *spec.dataset_rules, *spec.watch_rules):
        assert rules.dimension(rule) in rules.DIMENSIONS
        if rule in spec.row_rules:
            assert rule.rule in rules.ROW_RULES
        elif rule.rule in WATCHED:
            watch.bounds(rule)
        else:
            rules.bounds(rule)


@pytest.mark.parametrize("spec", load_specs().values(), ids=lambda spec: spec.name)
def test_what_a_rule_of_a_table_names_elsewhere_is_there(spec: Spec) -> None:
    for rule in spec.watch_rules:
        if rule.rule == "references":
            other = rule.args["references"]
            assert other["column"] in find_spec(other["table"]).columns
        if rule.rule == "reconciles":
            assert find_spec(rule.args["equals"]["table"])
        if rule.rule == "drift":
            assert spec.columns[rule.args["by"]].type == "date"
