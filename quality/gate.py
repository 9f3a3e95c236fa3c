"""The gate in front of a publish: Great Expectations judges the metrics of a staged batch.

One Spark job measures all rules of a table at once; the expectations run on that one row.
Source: docs/decisions/gates-on-metrics.md
"""

from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any

from jobs.errors import GateFailed
from jobs.spec import Spec
from quality.rules import expectation

_one_at_a_time = Lock()


@cache
def _batch_definition() -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas(name="metrics").add_dataframe_asset(name="staged")
    return asset.add_batch_definition_whole_dataframe("one_row")


def judge(spec: Spec, measured: Mapping[str, Any]) -> list[str]:
    """The warnings of a batch whose metrics pass every critical rule.

    `measured` maps `metric_<position>` to the number measured for that dataset rule.
    Raises: GateFailed naming table, rule, column, bounds and value of each critical failure.
    """
    rules = spec.dataset_rules
    if not rules:
        return []
    failed: dict[str, list[str]] = {"critical": [], "warning": []}
    for result in _validated(spec, measured):
        if not result.success:
            config = result.expectation_config
            position = int(config.kwargs["column"].removeprefix("metric_"))
            value = measured[f"metric_{position}"]
            failed[rules[position].severity].append(
                f"{spec.name}: rule {rules[position].name} wants a value between "
                f"{config.kwargs.get('min_value')} and {config.kwargs.get('max_value')}, "
                f"measured {value}"
            )
    if failed["critical"]:
        raise GateFailed("; ".join(failed["critical"]) + ". Nothing was published.")
    return failed["warning"]


def _validated(spec: Spec, measured: Mapping[str, Any]) -> list[Any]:
    """What Great Expectations says of each rule; its context serves one thread at a time."""
    import great_expectations as gx
    import pandas as pd

    numbers = range(len(spec.dataset_rules))
    row = pd.DataFrame([{f"metric_{i}": _number(measured[f"metric_{i}"]) for i in numbers}])
    with _one_at_a_time:
        suite = gx.ExpectationSuite(
            name=spec.name,
            expectations=[expectation(spec.dataset_rules[i], f"metric_{i}") for i in numbers],
        )
        batch = _batch_definition().get_batch({"dataframe": row})
        verdicts: list[Any] = batch.validate(suite, result_format="BOOLEAN_ONLY").results
    return verdicts


def _number(value: Any) -> float:
    """A metric over no rows is null and breaks no bound; that rows lack, `row_count` says."""
    return float("nan") if value is None else float(value)
