"""Five kinds of source landed byte for byte, the days they came on, and seven years of keeping."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule
from pyspark.errors import PySparkException

from answers.evidence import Evidence, more_than
from answers.labs.kafka import producer, read_all
from answers.labs.shop import ask
from answers.labs.shop_lake import rows, run_tables, table
from generators import oltp, stubs
from generators.messages import ORDERS
from generators.run import Run
from generators.shop import stream
from jobs import capture, commits
from jobs.objects import delete_objects, keys
from jobs.pull.postgres import pulled
from jobs.session import object_store, spark
from jobs.settings import Settings
from jobs.specs import find_spec
from jobs.topics import admin

RUN, NEXT_RUN = (Run(date(2026, 1, day), 90, 7) for day in (5, 6))
TODAY = date(2026, 1, 7)
ARRIVAL_DAYS = (date(2018, 1, 5), date(2026, 1, 5), date(2026, 1, 6))
KEPT_DAYS = (date(2033, 1, 1) - date(2026, 1, 1)).days
BRONZE = "bronze.orders"
# What each kind of source is here; a warehouse is a schema of Postgres that is pulled in batches.
FEEDS = {
    "Kafka": BRONZE,
    "REST API": "bronze.ads_google",
    "CRM, by SystemModstamp": "bronze.crm_contacts",
    "warehouse, in batches": "bronze.shop_products",
    "change data capture": "bronze.customer_changes",
}


@pytest.fixture(scope="module")
def lake(settings: Settings) -> Settings:
    stubs.hand_over(RUN.day, RUN.seed, settings)
    oltp.advance(RUN, [], settings)
    capture.start(settings)
    capture.wait_until_caught_up(settings)
    oltp.advance(NEXT_RUN, [], settings)  # with deletions, after the capture began
    values = [message.value for message in stream(RUN) if message.topic == ORDERS]
    keep_all(settings)
    for number, day in enumerate(ARRIVAL_DAYS):
        send_on(settings, day, values[number :: len(ARRIVAL_DAYS)])
    capture.wait_until_caught_up(settings)
    run_tables(settings, *FEEDS.values())
    return settings


def keep_all(settings: Settings) -> None:
    """Nothing; the broker keeps orders that look years old."""
    topic = ConfigResource(ConfigResourceType.TOPIC, settings.topic(ORDERS), {"retention.ms": "-1"})
    with closing(admin(settings)) as client:
        client.alter_configs([topic])


def send_on(settings: Settings, day: date, values: Iterable[bytes]) -> None:
    """Nothing; the orders are acknowledged, as if they had come at noon of the day."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    with closing(producer(settings)) as client:
        sent = [
            client.send(settings.topic(ORDERS), value, timestamp_ms=int(noon.timestamp() * 1_000))
            for value in values
        ]
        for future in sent:
            future.get(timeout=60)


def at_source(settings: Settings, feed: str) -> list[bytes]:
    """Every record that a source holds, as the source has it."""
    spec = find_spec(FEEDS[feed])
    assert spec.source is not None
    if spec.source.kind == "kafka":
        return [record.value for record in read_all(settings, settings.topic(spec.source.topic))]
    if spec.source.pull["from"] == "postgres":
        return [record.line for record in pulled(spec, settings, None).records]
    return [written(row) for row in stubs.held(spec.source.pull["platform"], settings)]


def in_bronze(settings: Settings, feed: str) -> list[bytes]:
    values = [bytes(value) for (value,) in rows(settings, FEEDS[feed], ["value"])]
    is_from_api = "api" in str(find_spec(FEEDS[feed]).source)
    return [written(json.loads(value)) for value in values] if is_from_api else values


def written(row: Any) -> bytes:
    """An answer of an API in one spelling, since it has none of its own."""
    return json.dumps(row, sort_keys=True).encode()


def fingerprint(values: Iterable[bytes]) -> str:
    return hashlib.sha256(b"\n".join(sorted(values))).hexdigest()[:12]


def test_five_kinds_of_source_land_byte_for_byte_none_lost_and_none_twice(
    lake: Settings, evidence: Evidence
) -> None:
    told = []
    for feed in FEEDS:
        source, bronze = at_source(lake, feed), in_bronze(lake, feed)
        told.append((feed, len(source), len(bronze), fingerprint(bronze)))
        assert fingerprint(source) == fingerprint(bronze), feed
    log = [json.loads(value) for value in in_bronze(lake, "change data capture")]
    gone = {change["customer_id"] for change in log if change["operation"] == "d"}
    alive = {row["customer_id"] for row in ask(lake, "SELECT customer_id FROM customers")}
    assert gone
    assert {change["customer_id"] for change in log} - gone == alive
    evidence.table("each feed", ("feed", "at the source", "in bronze", "hash of both"), told)
    evidence("feeds whose bytes are the source's", sum(row[1] == row[2] > 0 for row in told), 5,
             "feeds")  # fmt: skip
    evidence("records landed", sum(row[2] for row in told), more_than(0), "records")


def test_every_record_says_where_it_came_from_and_no_two_say_the_same(
    lake: Settings, evidence: Evidence
) -> None:
    unique = 0
    for feed, name in FEEDS.items():
        source = find_spec(name).source
        assert source is not None
        is_kafka = source.kind == "kafka"
        place = ("topic", "partition", "offset") if is_kafka else ("path", "etag", "line_number")
        found = rows(lake, name, (*place, "ingested_at"))
        assert all(None not in row for row in found), feed
        unique += len({row[:3] for row in found}) == len(found)
    evidence("feeds whose records have a place of their own", unique, 5, "feeds")


def test_a_second_run_over_the_same_offsets_and_files_lands_nothing(
    lake: Settings, evidence: Evidence
) -> None:
    names = FEEDS["Kafka"], FEEDS["warehouse, in batches"]
    before = {name: table(lake, name).version() for name in names}
    run_tables(lake, *names)
    after = {name: table(lake, name).version() for name in names}
    evidence("commits of a second run", sum(after.values()) - sum(before.values()), 0, "commits")


def test_a_new_field_of_a_source_changes_no_column_of_bronze(
    lake: Settings, evidence: Evidence
) -> None:
    columns = [field.name for field in table(lake, BRONZE).schema().fields]
    new = b'{"order_id":"o-new","gift_wrap":{"paper":"red"}}'
    send_on(lake, ARRIVAL_DAYS[-1], [new])
    run_tables(lake, BRONZE)
    assert [field.name for field in table(lake, BRONZE).schema().fields] == columns
    kept = in_bronze(lake, "Kafka").count(new)
    evidence("records with the new field, byte for byte", kept, 1, "record")
    evidence("columns of bronze, before and after", len(columns), 9, "columns")


def test_bronze_is_partitioned_by_the_day_of_arrival_and_a_day_reads_its_own_files(
    lake: Settings, evidence: Evidence
) -> None:
    found = table(lake, BRONZE)
    evidence("the column", str(found.metadata().partition_columns), "['_proc_date']")
    days = sorted({day for (day,) in rows(lake, BRONZE, ["_proc_date"])})
    assert set(ARRIVAL_DAYS[1:]) <= set(days)
    day = [("_proc_date", "=", str(ARRIVAL_DAYS[1]))]
    read, whole = found.file_uris(partition_filters=day), found.file_uris()
    assert all(f"_proc_date={ARRIVAL_DAYS[1]}" in file for file in read)
    evidence("days of arrival", len(days), more_than(1), "partitions")
    evidence("files a query for one day reads", len(read), more_than(0), "files")
    evidence("files of the table", len(whole), more_than(len(read)), "files")


def test_what_is_older_than_seven_years_goes_by_whole_days_and_then_by_vacuum(
    lake: Settings, evidence: Evidence
) -> None:
    cutoff = TODAY - timedelta(days=KEPT_DAYS)
    evidence("days that seven years are", KEPT_DAYS, 2_557, "days")
    send_on(lake, ARRIVAL_DAYS[0], [b"old"])
    run_tables(lake, BRONZE)
    before = rows(lake, BRONZE, ["value", "_proc_date"])
    old = {row for row in before if row[1] < cutoff}
    evidence("records past their time", len(old), more_than(0), "records")
    name = f"delta.`{lake.table_path(BRONZE)}`"
    spark(lake).sql(f"DELETE FROM {name} WHERE _proc_date < DATE'{cutoff}'").collect()
    metrics = table(lake, BRONZE).history(1)[0]["operationMetrics"]
    copied = int(metrics.get("numCopiedRows", 0)) + int(metrics.get("numAddedFiles", 0))
    evidence("rows written again to delete them", copied, 0, "rows")
    table(lake, BRONZE).vacuum(0, dry_run=False, enforce_retention_duration=False)
    young = [row for row in before if row not in old]
    assert sorted(rows(lake, BRONZE, ["value", "_proc_date"])) == sorted(young)
    left = [file for file in stored(lake) if f"_proc_date={ARRIVAL_DAYS[0]}" in file]
    evidence("files of that day after VACUUM", len(left), 0, "files")


def stored(settings: Settings) -> list[str]:
    """The objects of the table, whoever still counts them in."""
    return list(keys(settings, settings.object_key("bronze/orders/")))


@pytest.fixture
def bucket(settings: Settings) -> Iterator[tuple[Minio, str]]:
    """A bucket of the test's own."""
    store, name = object_store(settings), settings.namespace.replace("_", "-")
    store.make_bucket(name)
    yield store, name
    store.remove_bucket(name)


@pytest.mark.control
def test_a_lifecycle_rule_of_the_store_deletes_behind_the_back_of_the_log(
    lake: Settings, bucket: tuple[Minio, str], evidence: Evidence
) -> None:
    store, name = bucket
    keep = Rule(ENABLED, rule_filter=Filter(prefix="bronze/"), rule_id="seven-years",
                expiration=Expiration(days=KEPT_DAYS))  # fmt: skip
    store.set_bucket_lifecycle(name, LifecycleConfig([keep]))
    told = store.get_bucket_lifecycle(name)
    assert told is not None
    [expiration] = [rule.expiration for rule in told.rules if rule.expiration]
    evidence("what the store says it keeps", expiration.days or 0, KEPT_DAYS, "days")
    day = f"_proc_date={ARRIVAL_DAYS[1]}"
    doomed = [file for file in stored(lake) if day in file]
    for file in doomed:  # as the rule would, years from now
        delete_objects(lake, file)
    assert commits.latest_version(lake, lake.table_path(BRONZE)) is not None
    with pytest.raises(PySparkException) as broken:
        spark(lake).read.format("delta").load(lake.table_path(BRONZE)).collect()
    evidence("files a rule of the store took", len(doomed), more_than(0), "files")
    evidence("who reads the table then", str(broken.value).partition("]")[0].strip("["))
