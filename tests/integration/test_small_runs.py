"""A run asks Spark few times: planning each question is most of what a small run costs."""

from collections import Counter
from typing import Any

import pytest
from pyspark.sql import DataFrame

from generators.oltp import create_tables
from infra.bench.small_runs import counted_calls
from jobs import kept
from jobs.run import run
from jobs.settings import Settings
from tests.integration.lake import order
from tests.integration.small_lake import bring_up_to_date, land_rates, needed, send_to

pytestmark = pytest.mark.integration

MOST_PLANNED = 6
MOST_ASKED = 8  # with those for settings, which take thousandths of a second


def test_a_run_on_the_way_of_an_order_has_spark_plan_at_most_six_times(
    namespace_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe, late = kept._observed, Counter[str]()

    def observed(frame: DataFrame) -> dict[str, Any]:
        """What Spark tells too late on a busy machine is asked for again: that is not counted."""
        found = observe(frame)
        late[table] += not found
        return found

    monkeypatch.setattr(kept, "_observed", observed)
    create_tables(namespace_settings)
    land_rates(namespace_settings, "rates", "2026-01-05,EUR,1.0")
    send_to(namespace_settings, 0, order("o-1"))
    table = "before"
    bring_up_to_date(namespace_settings)
    land_rates(namespace_settings, "more", "2026-01-06,EUR,1.0", "2026-01-06,USD,0.9")
    send_to(namespace_settings, 1, order("o-2"))
    calls = {}
    for table in needed():
        with counted_calls(namespace_settings) as found:
            record = run(table, namespace_settings)
        if any(record.counts.values()):
            calls[table] = {**found, "ExecutePlan": found["ExecutePlan"] - late[table]}
    assert {"bronze.orders", "bronze.fx_rates", "silver.orders", "silver.fx_rates"} < calls.keys()
    assert {"gold.fact_order_items", "gold.daily_revenue"} < calls.keys()
    planned = {name: found["ExecutePlan"] + found["AnalyzePlan"] for name, found in calls.items()}
    assert {name: count for name, count in planned.items() if count > MOST_PLANNED} == {}
    asked = {name: sum(found.values()) for name, found in calls.items()}
    assert {name: count for name, count in asked.items() if count > MOST_ASKED} == {}
