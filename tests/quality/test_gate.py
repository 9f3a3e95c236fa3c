"""The gate: critical failures stop a publish, warnings are told, both name what was measured."""

from typing import Any

import pytest

from jobs.errors import GateFailed, SpecError
from jobs.spec import Column, Rule, Spec
from quality.gate import judge
from quality.rules import expectation, failed_reasons


def _spec(*rules: Rule) -> Spec:
    return Spec("silver.things", "", "", "insert", {"id": Column("string")}, quality=rules)


def _rule(severity: str, **args: Any) -> Rule:
    return Rule("row_count", severity=severity, args=args)


def test_a_batch_within_its_bounds_passes() -> None:
    assert judge(_spec(_rule("critical", min=1, max=9)), {"metric_0": 9}) == []


@pytest.mark.parametrize("measured", [0, 10])
def test_a_critical_failure_names_table_rule_bounds_and_value(measured: int) -> None:
    spec = _spec(_rule("critical", min=1, max=9))
    told = rf"silver\.things: rule row_count .* 1\.0 and 9\.0, measured {measured}\. Nothing was"
    with pytest.raises(GateFailed, match=told):
        judge(spec, {"metric_0": measured})


def test_a_warning_is_told_and_does_not_stop() -> None:
    warnings = judge(_spec(_rule("warning", min=1)), {"metric_0": 0})
    assert len(warnings) == 1
    assert "rule row_count" in warnings[0]


def test_one_critical_failure_is_enough() -> None:
    spec = _spec(_rule("warning", min=1), Rule("complete", "id", severity="critical"))
    with pytest.raises(GateFailed, match="complete:id"):
        judge(spec, {"metric_0": 1, "metric_1": 3})


def test_a_table_without_dataset_rules_has_nothing_to_judge() -> None:
    assert judge(_spec(), {}) == []


def test_unknown_rules_are_answered_with_those_there_are() -> None:
    with pytest.raises(SpecError, match=r"no dataset rule 'sum'.*row_count"):
        expectation(Rule("sum", "id", severity="critical"), "metric_0")
    with pytest.raises(SpecError, match=r"no row rule 'nil'.*not_null"):
        failed_reasons((Rule("nil", "id", on_fail="quarantine"),))
