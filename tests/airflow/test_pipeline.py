"""The pipeline from generated records to the mart, against what the generators know."""

from collections import Counter
from dataclasses import asdict, replace
from datetime import date

import pytest

from generators.history import runs
from generators.marts import expected
from generators.publish import send
from generators.run import Run
from generators.shop import stream
from infra.airflow.client import Airflow
from infra.demo.__main__ import PIPELINE, SEED
from infra.demo.reconcile import Difference, deliveries, differences, served, verdicts
from jobs.commits import records
from jobs.errors import LakeproofError
from jobs.ledger import hops
from jobs.run import run
from jobs.serve import mart_name, serve
from jobs.session import clickhouse, object_store, spark
from jobs.settings import Settings
from jobs.specs import load_specs
from quality.actions import refused_records
from tests.airflow.conftest import ORDERS, TwoDays
from tests.integration.lake import (
    DAY,
    DERIVED,
    EVENTS,
    contents,
    land_file,
    publish_day,
    replaced_by_last_commit,
    run_all,
    run_tables,
    upstream,
    versions,
)

pytestmark = pytest.mark.integration

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
def lake(stack: Settings, two_days: TwoDays) -> Settings:
    """The lake that the demo made of two days, with only the tests at work on it."""
    assert (two_days.first.returncode, two_days.second.returncode) == (0, 0)
    airflow = Airflow(stack)
    for dag_id in PIPELINE:
        airflow.pause(dag_id)
    return stack


def _days(settings: Settings) -> list[date]:
    return [run.truth.day for run in runs(settings)]


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
    place = (
        f"WHERE (order_date, product_id) = ('{group[0]}', '{group[1]}') SETTINGS mutations_sync = 1"
    )
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
    for topic, key in (("orders", "order_id"), ("payments", "payment_id"), ("clicks", "click_id")):
        made: Counter[str] = Counter()
        for published in runs(lake):
            for label, tally in published.truth.topics[topic].items():
                made[label] += tally.count
        refused, fates = Counter[str](), Counter[str]()
        for _, record in records(lake, lake.table_path(f"silver.{topic}")):
            refused += Counter(record.reasons)
            fates += Counter(record.counts)
        expected = Counter({REASONS[label]: n for label, n in made.items() if label in REASONS})
        expected[f"not_null:{key}"] = made["missing_key"]
        assert refused == +expected
        assert (fates["accepted"], fates["duplicate"]) == (made["good"], made["duplicate"])


def test_running_again_without_news_commits_nothing(lake: Settings) -> None:
    before = versions(lake, load_specs())
    run_all(lake)
    assert versions(lake, load_specs()) == before


def test_a_second_day_is_added_and_the_first_stays_as_it_was(lake: Settings) -> None:
    *_, before, newest = _days(lake)
    for table in DAILY:
        assert str(newest) in (replaced := replaced_by_last_commit(lake, table))
        assert str(before) not in replaced


def test_the_same_messages_again_change_no_table(lake: Settings) -> None:
    before = contents(lake, [*EVENTS, *DERIVED])
    send(stream(Run(_days(lake)[-1], int(ORDERS), SEED)), "again", lake)
    run_tables(lake, ["bronze.orders", "bronze.payments", "bronze.clicks", *EVENTS, *DERIVED])
    assert contents(lake, [*EVENTS, *DERIVED]) == before
    assert differences(runs(lake), lake) == []


def test_lines_without_a_rate_wait_beside_the_others_until_it_comes(
    namespace_settings: Settings,
) -> None:
    settings, fact = namespace_settings, "gold.fact_order_items"
    publish_day(settings, orders=50)
    store, key = object_store(settings), settings.object_key(f"landing/fx_rates/{DAY}.csv")
    rates = store.get_object(settings.s3_bucket, key).read()
    store.remove_object(settings.s3_bucket, key)
    run_tables(settings, upstream(fact))
    first = run(fact, settings)
    [waiting] = first.reasons.values()
    assert first.reasons == {"no_rate": waiting}
    assert first.counts["accepted"] > 0
    land_file(settings, f"fx_rates/{DAY}.csv", rates)
    run_tables(settings, ["bronze.fx_rates", "silver.fx_rates"])
    second = run(fact, settings)
    assert second.counts["quarantined"] == 0
    assert second.counts["accepted"] == first.counts["accepted"] + waiting
    refused = refused_records(spark(settings), settings, fact)
    assert [row["action"] for row in refused.collect()] == ["released"] * waiting


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


def _mart_created(settings: Settings) -> object:
    query = "SELECT uuid FROM system.tables WHERE database = {db:String} AND name = 'daily_revenue'"
    found = clickhouse(settings).query(query, parameters={"db": settings.database("gold")})
    return found.result_rows[0][0]
