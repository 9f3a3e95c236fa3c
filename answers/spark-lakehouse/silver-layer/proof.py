"""A batch with known defects on its way from bronze to silver, and the gate between the two."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from answers.evidence import Evidence, more_than
from answers.labs.shop_lake import rows, run_apart, run_tables, sell, table
from generators import ads
from generators.fx_rates import fx_rates, to_eur_cents
from generators.messages import DUPLICATE, GOOD, ORDERS
from generators.run import Defects, Run
from jobs import commits
from jobs.commits import RunRecord
from jobs.decode import decode
from jobs.session import spark
from jobs.settings import Settings
from jobs.specs import find_spec

DAY, NEXT_DAY, SEED = date(2026, 1, 5), date(2026, 1, 6), 7
DEFECTS = Defects.totalling(0.4)
ORDERS_PROMISED = 150
BRONZE, SILVER, QUARANTINE = "bronze.orders", "silver.orders", "quarantine.silver.orders"
PROMOTE = Path(__file__).with_name("promote.py")
# The reason that silver gives for each kind of defect.
REASONS = {
    "truncated_json": "malformed_json",
    "wrong_type": "wrong_type",
    "total_mismatch": "total_mismatch",
    "unknown_currency": "unknown_currency",
    "missing_key": "not_null:order_id",
    "far_future": "far_future",
}


@dataclass(frozen=True)
class Promotion:
    """Two attempts to promote two days: before and after the late orders of the first day came."""

    injected: dict[str, int]
    good_in_time: int
    good_checksum: int
    blocked: tuple[int, str]
    rows_after_block: int
    promoted: tuple[int, str]
    record: RunRecord


@pytest.fixture(scope="module")
def silver(settings: Settings) -> Promotion:
    in_time = [Run(DAY, 120, SEED, DEFECTS), Run(NEXT_DAY, 60, SEED, DEFECTS)]
    late = Run(DAY, 60, SEED + 1, DEFECTS)
    truths = [sell(settings, run, [ORDERS]) for run in in_time]
    run_tables(settings, BRONZE)
    blocked = run_apart(settings, PROMOTE, str(ORDERS_PROMISED))
    empty = len(rows(settings, SILVER, ["order_id"]))
    truths.append(sell(settings, late, [ORDERS]))
    run_tables(settings, BRONZE)
    promoted = run_apart(settings, PROMOTE, str(ORDERS_PROMISED))
    record = commits.last_record(settings, settings.table_path(SILVER))
    assert record is not None
    classes = [truth.topics[ORDERS] for truth in truths]
    injected = {label: sum(each[label].count for each in classes) for label in classes[0]}
    good_in_time = sum(each[GOOD].count for each in classes[: len(in_time)])
    good_checksum = sum(each[GOOD].checksum for each in classes)
    return Promotion(injected, good_in_time, good_checksum, blocked, empty, promoted, record)


def raw(settings: Settings) -> list[bytes]:
    return [value for (value,) in rows(settings, BRONZE, ["value"])]


def test_text_gets_the_contract_s_types_and_what_does_not_fit_is_refused(
    silver: Promotion, settings: Settings, evidence: Evidence
) -> None:
    types = {field.name: str(field.type.type) for field in table(settings, BRONZE).schema().fields
             if field.name == "value"}  # fmt: skip
    evidence("an order in bronze", types["value"], "binary")
    session = spark(settings)
    stored = dict(session.read.format("delta").load(settings.table_path(SILVER)).dtypes)
    contract = find_spec(SILVER).types
    assert {name: stored[name] for name in contract} == contract
    evidence("columns with the type of the contract", len(contract), 7, "columns")
    injected = silver.injected["wrong_type"]
    evidence("orders sent with a word for a number", injected, more_than(0), "orders")
    evidence("orders refused for a wrong type", silver.record.reasons["wrong_type"], injected,
             "orders")  # fmt: skip


def test_a_null_where_the_contract_wants_a_value_is_refused_with_its_column(
    silver: Promotion, settings: Settings, evidence: Evidence
) -> None:
    injected = silver.injected["missing_key"]
    evidence("orders sent without their key", injected, more_than(0), "orders")
    refused = silver.record.reasons["not_null:order_id"]
    evidence("orders refused for that", refused, injected, "orders")
    found = table(settings, SILVER).to_pyarrow_table()
    nulls = sum(found[name].null_count for name in find_spec(SILVER).columns)
    evidence("nulls in silver", nulls, 0, "nulls")


def test_an_order_that_came_twice_counts_once_by_its_business_key(
    silver: Promotion, settings: Settings, evidence: Evidence
) -> None:
    injected = silver.injected[DUPLICATE]
    evidence("orders sent a second time", injected, more_than(0), "orders")
    evidence("told as duplicates", silver.record.counts["duplicate"], injected, "orders")
    ids = [order_id for (order_id,) in rows(settings, SILVER, ["order_id"])]
    evidence("orders in silver", len(ids), silver.injected[GOOD], "orders")
    assert len(ids) == len(set(ids))


def test_every_bronze_record_is_in_silver_a_duplicate_or_refused_for_a_reason(
    silver: Promotion, settings: Settings, evidence: Evidence
) -> None:
    counts, reasons = silver.record.counts, silver.record.reasons
    told = [(kind, silver.injected[kind], reason, reasons[reason])
            for kind, reason in REASONS.items()]  # fmt: skip
    evidence.table("defects sent, and refused", ("defect", "sent", "reason", "refused"), told)
    assert all(sent == refused > 0 for _, sent, _, refused in told)
    evidence("records in bronze", len(raw(settings)), sum(silver.injected.values()), "records")
    evidence("silver, duplicates and refused together", sum(counts.values()), len(raw(settings)),
             "records")  # fmt: skip
    checksum = int(silver.record.checksums["accepted_raw"])
    assert checksum == silver.good_checksum

    refused = sorted(bytes(value) for (value,) in rows(settings, QUARANTINE, ["raw"]))
    assert set(refused) <= set(raw(settings))
    spoiled = sum(silver.injected[kind] for kind in REASONS)
    evidence("refused, their bytes kept", len(refused), spoiled, "records")


def reported(session: SparkSession, platform: str) -> DataFrame:
    """What an ad platform says of a day, decoded by its contract."""
    spec = find_spec(f"bronze.ads_{platform}")
    assert spec.source is not None
    lines = [(n, json.dumps(row)) for n, row in enumerate(ads.rows(DAY, SEED)[platform], 1)]
    told = session.createDataFrame(lines, "line_number bigint, text string")
    landed = told.withColumns(
        {
            "run_number": F.lit(1).cast("bigint"),
            "path": F.lit(platform),
            "etag": F.lit(""),
            "ingested_at": F.current_timestamp(),
            "header": F.lit(None).cast("binary"),
            "value": F.col("text").cast("binary"),
        }
    )
    return decode(landed, spec.source, spec.columns)


def test_five_sources_that_say_one_thing_in_five_ways_get_one_schema(
    settings: Settings, evidence: Evidence
) -> None:
    spec, session = find_spec("silver.ad_spend"), spark(settings)
    platforms = [name.removeprefix("bronze.ads_") for name in spec.inputs]
    aligned = spec.transform(*(reported(session, platform) for platform in platforms))
    assert {name: dict(aligned.dtypes)[name] for name in spec.types} == spec.types
    rates = fx_rates(DAY, SEED)
    found = {
        (row.platform, row.campaign_id, row.impressions, row.clicks,
         to_eur_cents(row.spend_cents, rates[row.currency]))
        for row in aligned.collect()
    }  # fmt: skip
    assert found == {tuple(spent) for spent in ads.spent(DAY, SEED, DAY)}
    spelt = [(platform, json.dumps(ads.rows(DAY, SEED)[platform][0])[:90])
             for platform in platforms]  # fmt: skip
    evidence.table("the same report, as each platform says it", ("platform", "raw"), spelt)
    evidence("platforms in one schema", len({row[0] for row in found}), 5, "platforms")
    evidence("reports equal to the truth", len(found), 15, "reports")


def test_a_batch_that_breaks_a_critical_rule_is_not_promoted_until_it_is_mended(
    silver: Promotion, evidence: Evidence
) -> None:
    code, said = silver.blocked
    evidence("what the gate said", said)
    assert f"measured {silver.good_in_time}. Nothing was published." in said
    evidence("exit code of the blocked job", code, 1)
    evidence("orders published by the blocked job", silver.rows_after_block, 0, "orders")
    evidence("exit code once the late orders had come", silver.promoted[0], 0)


def test_silver_is_partitioned_by_the_business_day_whenever_an_order_came(
    silver: Promotion, settings: Settings, evidence: Evidence
) -> None:
    partitions = {name: table(settings, name).metadata().partition_columns
                  for name in (BRONZE, SILVER)}  # fmt: skip
    evidence("bronze is partitioned by", partitions[BRONZE][0], "_proc_date")
    evidence("silver is partitioned by", partitions[SILVER][0], "order_date")
    at = table(settings, SILVER)
    day = at.to_pyarrow_table(partitions=[("order_date", "=", str(DAY))])
    every = rows(settings, SILVER, ["order_id", "ordered_at"])
    wanted = {order_id for order_id, ordered_at in every if ordered_at.date() == DAY}
    assert set(day["order_id"].to_pylist()) == wanted
    evidence("orders of one business day, early and late", len(wanted), more_than(0), "orders")
    read = at.file_uris(partition_filters=[("order_date", "=", str(DAY))])
    evidence("files that a query for the day reads", len(read), unit="files")
    evidence("files of the table", len(at.file_uris()), more_than(len(read)), "files")


@pytest.mark.control
def test_a_naive_silver_job_keeps_wrong_orders_and_loses_others_without_a_word(
    silver: Promotion, settings: Settings, evidence: Evidence
) -> None:
    session = spark(settings)
    bronze = session.read.format("delta").load(settings.table_path(BRONZE))
    schema = ", ".join(f"{name} {type_}" for name, type_ in find_spec(BRONZE).types.items())
    parsed = bronze.select(F.from_json(F.col("value").cast("string"), schema).alias("o"))
    naive = parsed.select("o.order_id", "o.total_cents").dropDuplicates(["order_id"]).collect()
    good = dict(rows(settings, SILVER, ["order_id", "total_cents"]))
    kept: dict[Any, Any] = {row.order_id: row.total_cents or 0 for row in naive}
    wrong = kept.keys() - good.keys()
    evidence("orders that silver refuses and the naive job keeps", len(wrong), more_than(0),
             "orders")  # fmt: skip
    excess = sum(kept.values()) - sum(good.values())
    evidence("cents too many in its revenue", excess, more_than(0), "cents")
    told = len(kept) + silver.record.counts["duplicate"]
    evidence("records it dropped without a word", len(raw(settings)) - told, more_than(0),
             "records")  # fmt: skip
