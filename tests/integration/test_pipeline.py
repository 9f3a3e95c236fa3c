"""The pipeline from generated records to the mart, against what the generators know."""

from dataclasses import asdict, replace
from datetime import date

import pytest

from generators.history import runs
from generators.marts import expected
from generators.producer import Transport
from generators.publish import publish
from generators.run import Run
from infra.demo.reconcile import Difference, deliveries, differences, served, verdicts
from jobs.commits import last_record
from jobs.delta import ref
from jobs.errors import GateFailed, LakeproofError
from jobs.ledger import hops
from jobs.run import run
from jobs.serve import mart_name, serve
from jobs.session import clickhouse, object_store, spark
from jobs.settings import Settings
from jobs.specs import load_specs
from tests.integration.lake import (
    DAY,
    DERIVED,
    EVENTS,
    contents,
    publish_day,
    run_all,
    run_tables,
    upstream,
    versions,
)

pytestmark = pytest.mark.integration

NEXT_DAY = date(2026, 1, 6)
# Recomputed by the day, and of a day nothing changes later.
DAILY = [
    "gold.fact_order_items",
    "gold.fact_payments",
    "gold.daily_revenue",
    "gold.product_performance",
    "gold.refund_rate",
    "gold.conversion_funnel",
    "gold.fraud_candidates",
]
# What the generators call a defect, and the reasons under which the tables refuse it.
REASONS = {
    "truncated_json": "malformed_json",
    "wrong_type": "wrong_type",
    "total_mismatch": "total_mismatch",
    "unknown_currency": "unknown_currency",
    "far_future": "far_future",
}


@pytest.fixture(scope="module")
def lake(module_settings: Settings) -> Settings:
    """A namespace through which one day has gone."""
    publish_day(module_settings)
    run_all(module_settings)
    return module_settings


def _unbalanced(settings: Settings) -> list[str]:
    found = [*deliveries(runs(settings), settings), *hops(settings)]
    assert found
    return [hop.name for hop in found if not hop.balances]


def test_every_mart_equals_the_truth_to_the_cent(lake: Settings) -> None:
    found = verdicts(runs(lake), lake)
    assert {verdict.mart for verdict in found} == set(expected([]))
    # Of so few customers none places three orders within ten minutes.
    assert [verdict.mart for verdict in found if not verdict.groups_count] == ["fraud_candidates"]
    assert [verdict.differences for verdict in found if verdict.differences] == []


def test_one_cent_more_in_one_group_of_a_mart_is_found_and_named(lake: Settings) -> None:
    group, row = min(served("product_performance", lake).items())
    change = f"ALTER TABLE {lake.database('gold')}.product_performance UPDATE revenue_eur_cents"
    place = f"WHERE product_id = '{group[1]}' SETTINGS mutations_sync = 1"
    client = clickhouse(lake)
    client.command(f"{change} = revenue_eur_cents + 1 {place}")
    try:
        wrong = {**row, "revenue_eur_cents": row["revenue_eur_cents"] + 1}
        assert differences(runs(lake), lake) == [
            Difference("product_performance", group, row, wrong)
        ]
    finally:
        client.command(f"{change} = revenue_eur_cents - 1 {place}")


def test_each_projection_of_a_mart_is_read_and_gives_the_rows_of_the_mart(lake: Settings) -> None:
    client = clickhouse(lake)
    ways = [
        (mart_name(lake, spec), projection)
        for spec in load_specs().values()
        if spec.serve and served(spec.name.partition(".")[2], lake)
        for projection in spec.serve.projections
    ]
    assert len(ways) > 4
    for mart, projection in ways:
        query = f"SELECT * FROM {mart} ORDER BY {', '.join(projection.order_by)}"
        plan = client.query(f"EXPLAIN {query}").result_rows
        assert any(f"({projection.name})" in line for (line,) in plan), plan
        found = client.query(query).result_rows
        without = client.query(f"{query} SETTINGS optimize_use_projections = 0").result_rows
        assert sorted(map(str, found)) == sorted(map(str, without))


def test_every_hop_of_the_ledger_balances(lake: Settings) -> None:
    assert _unbalanced(lake) == []


def test_each_defect_is_refused_for_its_own_reason(lake: Settings) -> None:
    truth = runs(lake)[0].truth
    for topic, key in (("orders", "order_id"), ("payments", "payment_id"), ("clicks", "click_id")):
        record = last_record(lake, lake.table_path(f"silver.{topic}"))
        assert record is not None
        classes = {label: tally.count for label, tally in truth.topics[topic].items()}
        expected = {REASONS[label]: count for label, count in classes.items() if label in REASONS}
        expected[f"not_null:{key}"] = classes["missing_key"]
        assert record.reasons == {reason: count for reason, count in expected.items() if count}
        assert record.counts["accepted"] == classes["good"]
        assert record.counts["duplicate"] == classes["duplicate"]


def test_running_again_without_news_commits_nothing(lake: Settings) -> None:
    before = versions(lake, load_specs())
    run_all(lake)
    assert versions(lake, load_specs()) == before


def test_the_same_messages_again_change_no_table(lake: Settings) -> None:
    before = contents(lake, [*EVENTS, *DERIVED])
    publish(Run(DAY, 300, 7), lake, Transport())
    run_tables(lake, ["bronze.orders", "bronze.payments", "bronze.clicks", *EVENTS, *DERIVED])
    assert contents(lake, [*EVENTS, *DERIVED]) == before
    assert differences(runs(lake), lake) == []


def test_a_second_day_is_added_and_the_first_stays_as_it_was(lake: Settings) -> None:
    publish_day(lake, NEXT_DAY)
    run_all(lake)
    assert {group[0] for run in runs(lake) for group in run.truth.sales} == {DAY, NEXT_DAY}
    assert differences(runs(lake), lake) == []
    for table in DAILY:
        assert str(NEXT_DAY) in (replaced := _replaced(lake, table))
        assert str(DAY) not in replaced


def test_a_corrected_exchange_rate_reprices_its_own_day_only(lake: Settings) -> None:
    before = _revenue_by_day(lake)
    data = b"rate_date,currency,rate_to_eur\n2026-01-05,USD,2.000000\n"
    _land(lake, "fx_rates", "correction.csv", data)
    run_tables(lake, ["bronze.fx_rates", "silver.fx_rates", *DERIVED])
    after = _revenue_by_day(lake)
    assert after[NEXT_DAY] == before[NEXT_DAY]
    assert after[DAY] > before[DAY]
    for table in DERIVED:
        assert str(NEXT_DAY) not in _replaced(lake, table)


def test_a_day_without_a_rate_stops_at_the_gate_and_the_mart_stays(
    namespace_settings: Settings,
) -> None:
    publish_day(namespace_settings, orders=50)
    store = object_store(namespace_settings)
    rates = namespace_settings.object_key(f"landing/fx_rates/{DAY}.csv")
    store.remove_object(namespace_settings.s3_bucket, rates)
    run_tables(namespace_settings, upstream("gold.fact_order_items"))
    with pytest.raises(GateFailed, match="fact_order_items.*complete:revenue_eur_cents"):
        run("gold.fact_order_items", namespace_settings)
    assert contents(namespace_settings, ["gold.fact_order_items"])["gold.fact_order_items"][0] == 0


def test_a_table_whose_input_was_never_run_says_which(namespace_settings: Settings) -> None:
    with pytest.raises(LakeproofError, match=r"bronze\.orders does not exist.*Run it first"):
        run("silver.orders", namespace_settings)


def test_a_mart_is_loaded_again_only_when_its_table_changed(lake: Settings) -> None:
    first = serve("gold.daily_revenue", lake)
    created = _mart_created(lake)
    assert asdict(serve("gold.daily_revenue", lake)) == asdict(first)
    assert _mart_created(lake) == created


def test_the_analyst_reads_the_mart(lake: Settings) -> None:
    as_analyst = replace(
        lake,
        clickhouse_user=lake.clickhouse_analyst_user,
        clickhouse_password=lake.clickhouse_analyst_password,
    )
    query = f"SELECT sum(revenue_eur_cents) FROM {lake.database('gold')}.daily_revenue"
    assert clickhouse(as_analyst).query(query).result_rows[0][0] > 0


def _revenue_by_day(settings: Settings) -> dict[date, int]:
    mart = f"{settings.database('gold')}.daily_revenue"
    query = f"SELECT order_date, sum(revenue_eur_cents) FROM {mart} GROUP BY order_date"
    return dict(clickhouse(settings).query(query).result_rows)


def _replaced(settings: Settings, table: str) -> str:
    """The condition that the rows met which the table's last commit replaced."""
    path = ref(settings.table_path(table))
    [commit] = spark(settings).sql(f"DESCRIBE HISTORY {path} LIMIT 1").collect()
    return str(commit["operationParameters"]["predicate"])


def _mart_created(settings: Settings) -> object:
    query = "SELECT uuid FROM system.tables WHERE database = {db:String} AND name = 'daily_revenue'"
    found = clickhouse(settings).query(query, parameters={"db": settings.database("gold")})
    return found.result_rows[0][0]


def _land(settings: Settings, source: str, name: str, data: bytes) -> None:
    from io import BytesIO

    key = settings.object_key(f"landing/{source}/{name}")
    object_store(settings).put_object(settings.s3_bucket, key, BytesIO(data), len(data))
