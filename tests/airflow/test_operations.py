"""Maintenance, rebuild, restore, backfill and second opinion on one small lake of two days."""

from datetime import date
from decimal import Decimal

import pytest

from infra.airflow.client import Airflow
from jobs import delta
from jobs.errors import LakeproofError, SpecError
from jobs.maintain import existing, maintain
from jobs.rebuild import affected, rebuild
from jobs.restore import past, restore, version_before
from jobs.run import run
from jobs.session import clickhouse, object_store, spark
from jobs.settings import Settings
from jobs.verify import verify
from tests.integration.lake import (
    DAY,
    contents,
    order,
    publish_day,
    replaced_by_last_commit,
)
from tests.integration.small_lake import (
    MART,
    bring_up_to_date,
    everything,
    land_rates,
    newest,
    revenue,
    send_to,
    served_rows_count,
    spoil,
    unbalanced,
)

pytestmark = pytest.mark.integration

NEXT_DAY = date(2026, 1, 6)
FACT = "gold.fact_order_items"


@pytest.fixture(scope="module")
def lake(module_settings: Settings) -> Settings:
    """A day of the shop; then another day's order, and one that contradicts the first day's."""
    publish_day(module_settings, orders=60)
    send_to(module_settings, 2, order("o-disputed"))
    bring_up_to_date(module_settings)
    land_rates(module_settings, "next", f"{NEXT_DAY},USD,0.900000")
    send_to(module_settings, 0, order("o-disputed", customer_id="c-2"))
    send_to(
        module_settings, 0, order("o-next", currency="USD", ordered_at=f"{NEXT_DAY}T10:00:00.000Z")
    )
    bring_up_to_date(module_settings)
    return module_settings


def test_the_second_opinion_on_a_mart_is_the_mart(lake: Settings) -> None:
    [verdict] = verify(lake, [MART])
    assert verdict.differences == []
    assert verdict.rows_count == contents(lake, [MART])[MART][0]
    assert verdict.measure == "revenue_eur_cents"


def test_a_cent_too_much_in_a_mart_is_found_and_its_row_shown(lake: Settings) -> None:
    mart = f"{lake.database('gold')}.daily_revenue"
    change = (
        f"ALTER TABLE {mart} UPDATE revenue_eur_cents = revenue_eur_cents {{}} 1 "
        f"WHERE order_date = '{NEXT_DAY}' SETTINGS mutations_sync = 1"
    )
    clickhouse(lake).command(change.format("+"))
    [verdict] = verify(lake, [MART])
    clickhouse(lake).command(change.format("-"))
    told = [difference.partition(" order_date=")[0] for difference in verdict.differences]
    assert told == ["only the mart has", "only the second opinion has"] or told == [
        "only the second opinion has",
        "only the mart has",
    ]
    assert all(f"order_date={NEXT_DAY}" in difference for difference in verdict.differences)


def test_a_table_without_a_second_opinion_is_named(lake: Settings) -> None:
    with pytest.raises(SpecError, match="gold.dim_date has no `second_opinion:`"):
        list(verify(lake, ["gold.dim_date"]))


def test_maintenance_changes_no_row_and_is_no_news_to_the_next_run(lake: Settings) -> None:
    before = everything(lake)
    tables = existing(lake, ["silver.orders", MART])
    assert "quarantine.silver.orders" in tables
    done = {table: maintain(table, lake) for table in tables}
    orders = done["silver.orders"]
    assert (orders.before.live_count, orders.after.live_count) == (4, 2)
    assert orders.after.stored_count == orders.before.stored_count
    assert everything(lake) == before
    versions = newest(lake)
    bring_up_to_date(lake)
    assert newest(lake) == versions
    [verdict] = verify(lake, [MART])
    assert verdict.differences == []


def test_files_of_the_last_week_are_never_deleted(lake: Settings) -> None:
    with pytest.raises(LakeproofError, match="a retention of 24 hours is too short"):
        maintain(MART, lake, confirm=True, retention_hours=24)
    done = maintain(MART, lake, confirm=True)
    assert (done.old_count, done.after.stored_count) == (0, done.before.stored_count)


def test_a_rebuild_from_bronze_comes_out_identical_and_writes_nothing(lake: Settings) -> None:
    before, versions = everything(lake), newest(lake)
    done = list(rebuild(lake, ["silver.orders", "silver.fx_rates", "silver.products"]))
    assert {rebuilt.table for rebuilt in done} >= {"silver.order_items", FACT, MART}
    assert [rebuilt.line() for rebuilt in done if not rebuilt.is_identical] == []
    assert (everything(lake), newest(lake)) == (before, versions)
    left = object_store(lake).list_objects(lake.s3_bucket, lake.object_key("_rebuild/"))
    assert list(left) == []


def test_a_spoiled_table_is_replaced_by_what_bronze_gives_and_the_ledger_balances(
    lake: Settings,
) -> None:
    before = everything(lake)
    spoil(lake, FACT)
    path = delta.ref(lake.table_path("silver.order_items"))
    spark(lake).sql(f"DELETE FROM {path} WHERE order_id = 'o-next'").collect()
    done = {rebuilt.table: rebuilt for rebuilt in rebuild(lake, ["silver.order_items"])}
    assert [name for name, rebuilt in done.items() if not rebuilt.is_identical] == [
        "silver.order_items",
        FACT,
    ]
    assert everything(lake) == before
    assert unbalanced(lake) == []
    bring_up_to_date(lake)
    versions = newest(lake)
    bring_up_to_date(lake)
    assert (everything(lake), newest(lake)) == (before, versions)


def test_bronze_is_not_rebuilt(lake: Settings) -> None:
    with pytest.raises(LakeproofError, match=r"bronze\.orders is what was landed"):
        affected(["bronze.orders"])


def test_a_corrected_exchange_rate_reprices_its_own_day_only(lake: Settings) -> None:
    """A rate may hold for seven days more, so these facts are computed too, and come out equal."""
    before = revenue(lake)
    land_rates(lake, "wrong", f"{DAY},USD,{_dollar(lake) * 100}")
    bring_up_to_date(lake)
    after = revenue(lake)
    assert after[NEXT_DAY] == before[NEXT_DAY]
    assert sum(after[DAY]) > sum(before[DAY])
    assert all(str(day) in replaced_by_last_commit(lake, FACT) for day in (DAY, NEXT_DAY))
    assert str(DAY) in (replaced := replaced_by_last_commit(lake, MART))
    assert str(NEXT_DAY) not in replaced


def test_a_table_taken_back_stays_so_until_its_inputs_change_and_loses_nothing(
    lake: Settings,
) -> None:
    """What was wrong is the rate of the test before this one."""
    [bad, *older] = past(MART, lake)
    wrong = contents(lake, [MART])
    restore(MART, version_before(MART, bad.run_id, lake), lake)
    good = contents(lake, [MART])
    assert good != wrong
    assert served_rows_count(lake) == good[MART][0]
    found = list(past(MART, lake))
    assert (found[1:], found[0].content) == ([bad, *older], older[0].content)
    bring_up_to_date(lake)
    assert contents(lake, [MART]) == good, "the bad publish came back by itself"
    right = _dollar(lake) / 100
    land_rates(lake, "right", f"{DAY},USD,{right}", f"{NEXT_DAY},USD,2.000000")
    bring_up_to_date(lake)
    [verdict] = verify(lake, [MART])
    assert verdict.differences == []
    assert contents(lake, [MART]) != good
    land_rates(lake, "last", f"{NEXT_DAY},USD,0.900000")
    bring_up_to_date(lake)
    assert contents(lake, [MART]) == good


def _dollar(settings: Settings) -> Decimal:
    rates = spark(settings).read.format("delta").load(settings.table_path("silver.fx_rates"))
    [rate] = rates.where(f"currency = 'USD' AND rate_date = '{DAY}'").collect()
    return Decimal(rate["rate_to_eur"])


def test_a_replay_publishes_again_what_was_taken_back(lake: Settings) -> None:
    now = contents(lake, [MART])
    first = list(past(MART, lake))[-1]
    restore(MART, first.version, lake, replay=True)
    assert contents(lake, [MART]) != now
    run(MART, lake)
    assert contents(lake, [MART]) == now


def test_a_version_that_never_was_is_refused_and_the_table_stays(lake: Settings) -> None:
    now = newest(lake)
    with pytest.raises(LakeproofError, match="has no run at or before version 999"):
        restore(MART, 999, lake)
    with pytest.raises(LakeproofError, match="has no run nobody"):
        version_before(MART, "nobody", lake)
    assert newest(lake) == now


def test_airflow_backfills_one_day_and_touches_no_other(lake: Settings) -> None:
    good = revenue(lake)
    spoil(lake, MART)
    spoiled = revenue(lake)
    airflow = Airflow(lake)
    airflow.unpause("backfill")
    params = {"namespace": lake.namespace, "tables": [MART]}
    number = airflow.backfill("backfill", NEXT_DAY, NEXT_DAY, params)
    airflow.await_backfill(number)
    airflow.pause("backfill")
    assert revenue(lake) == {DAY: spoiled[DAY], NEXT_DAY: good[NEXT_DAY]}


def test_alarms_of_airflow_reach_the_channel(lake: Settings) -> None:
    airflow = Airflow(lake)
    airflow.unpause("alarm_drill")
    run_id = airflow.start("alarm_drill")
    assert airflow.await_run("alarm_drill", run_id) == "success"
    airflow.pause("alarm_drill")
