"""Pulling only what changed: by a CRM's watermark, by a key into a warehouse, by exported files."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg2.errors
import pytest
from pyspark.sql import Window
from pyspark.sql import functions as F

from answers.evidence import Evidence, at_most, more_than
from answers.labs import shop
from generators import oltp, stubs
from generators.run import Run
from jobs import delta
from jobs.errors import PullFailed
from jobs.pull import api, postgres, pull
from jobs.run import run
from jobs.session import object_store, spark
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec

CONTACTS, CHANGED, BROKEN_ANSWERS = 1_000, 20, 1_000
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
FIRST_DAY, NEXT_DAY = (Run(date(2026, 1, day), 100, 7) for day in (5, 6))
CUSTOMERS = find_spec("bronze.shop_customers")
WAREHOUSE = "warehouse"
BATCH_KEYS, BATCH_VERSIONS = 200, 3


def contact(number: int, changed_at: datetime, stage: str = "lead") -> dict[str, Any]:
    """A contact as the stub of the CRM says it."""
    stamp = changed_at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return {"Id": f"003{number:015d}", "LifecycleStage__c": stage, "SystemModstamp": stamp}


def contacts_spec(overlap_days: int) -> Spec:
    """The platform's table of contacts, pulled with another overlap to another place."""
    spec = find_spec("bronze.crm_contacts")
    assert spec.source is not None
    told = {**spec.source.pull, "overlap_days": overlap_days}
    return replace(spec, source=replace(spec.source, prefix="landing/late/", pull=told))


def asked(settings: Settings, since: datetime | None) -> dict[str, dict[str, Any]]:
    """The contacts that a pull moves, by id."""
    watermark = since.isoformat() if since else None
    found = api.pulled(contacts_spec(0), settings, watermark).records
    return shop.by_key((json.loads(record.line) for record in found), "Id")


def test_a_pull_by_systemmodstamp_moves_only_what_changed(
    settings: Settings, evidence: Evidence
) -> None:
    stubs.put("crm", [contact(n, NOON - timedelta(hours=n)) for n in range(CONTACTS)], settings)
    full = asked(settings, None)
    later = [contact(n, NOON + timedelta(minutes=1 + n), "customer") for n in range(CHANGED)]
    stubs.put("crm", later, settings)
    moved = asked(settings, NOON + timedelta(seconds=1))
    evidence("contacts a full pull moves", len(full), CONTACTS, "contacts")
    evidence("contacts the next pull moves", len(moved), CHANGED, "contacts")
    evidence("share of the contacts moved", 100 * len(moved) / len(full), 2.0, "%")
    assert full | moved == shop.by_key(stubs.held("crm", settings), "Id")


def missed(settings: Settings, day: datetime, since_after: timedelta) -> int:
    """How many of three contacts with one timestamp are missed; two are saved after a first pull.

    The second pull asks from that long after the newest timestamp it saw.
    """
    first = CONTACTS * day.day
    stubs.put("crm", [contact(first, day - timedelta(hours=1)), contact(first + 1, day)], settings)
    seen = asked(settings, day - timedelta(hours=2))
    newest = max(datetime.fromisoformat(row["SystemModstamp"]) for row in seen.values())
    stubs.put("crm", [contact(first + 2, day), contact(first + 3, day)], settings)
    seen |= asked(settings, newest + since_after)
    return len({contact(first + number, day)["Id"] for number in range(4)} - seen.keys())


@pytest.mark.control
def test_asking_from_the_watermark_on_misses_none_of_its_equals_asking_after_it_does(
    settings: Settings, evidence: Evidence
) -> None:
    lost = missed(settings, NOON + timedelta(days=1), timedelta(milliseconds=1))
    evidence("contacts missed by asking after it", lost, 2, "contacts")
    lost = missed(settings, NOON + timedelta(days=2), timedelta(0))
    evidence("contacts missed by asking from it on", lost, 0, "contacts")


def test_a_contact_that_became_visible_late_is_found_by_the_overlap(
    settings: Settings, evidence: Evidence
) -> None:
    noon = NOON + timedelta(days=3)
    stubs.put("crm", [contact(CONTACTS, noon)], settings)
    watermark = pull(contacts_spec(0), settings, noon.isoformat()).watermark
    stubs.put("crm", [contact(CONTACTS + 1, noon - timedelta(hours=1))], settings)
    overlaps = (0, 1, 1)
    exact, patient, again = (pull(contacts_spec(days), settings, watermark) for days in overlaps)
    evidence("files landed without an overlap", exact.objects_count, 0, "files")
    evidence("files landed with a day of overlap", patient.objects_count, 1, "file")
    evidence("files landed when the same days are pulled again", again.objects_count, 0, "files")


def test_a_broken_pull_is_repeated_and_lands_each_contact_once(
    settings: Settings, evidence: Evidence
) -> None:
    stubs.put("crm", [contact(1, NOON)], settings)
    stubs.misbehave("crm", "shrunk_page", BROKEN_ANSWERS, settings)
    with pytest.raises(PullFailed, match="records were promised"):
        run("bronze.crm_contacts", settings)
    landing = settings.object_key("landing/crm_contacts/")
    landed = list(object_store(settings).list_objects(settings.s3_bucket, landing))
    evidence("files landed by the broken pull", len(landed), 0, "files")
    stubs.misbehave("crm", "shrunk_page", 0, settings)
    retried = run("bronze.crm_contacts", settings).counts["landed"]
    held = shop.by_key(stubs.held("crm", settings), "Id")
    evidence("contacts landed by its retry", retried, len(held), "contacts")
    again = run("bronze.crm_contacts", settings).counts["landed"]
    evidence("contacts landed by one more run", again, 0, "contacts")
    rows = spark(settings).read.format("delta").load(settings.table_path("bronze.crm_contacts"))
    lines = (json.loads(row["value"]) for row in rows.select("value").collect())
    assert shop.by_key(lines, "Id") == held


@pytest.fixture(scope="module")
def warehouse(settings: Settings) -> Iterator[Settings]:
    """A schema that stands for the warehouse; its tables have no key, as there none is enforced."""
    shop.execute(settings, f"CREATE SCHEMA {settings.schema(WAREHOUSE)}")
    columns = "(customer_id int, segment text, updated_at int)"
    tables = [f"CREATE TABLE {name} {columns}" for name in ("batch", "naive", "customers")]
    rows = f"generate_series(1, {BATCH_KEYS}) AS id, generate_series(1, {BATCH_VERSIONS}) AS v"
    filled = f"INSERT INTO batch SELECT id, 'segment ' || v, v FROM {rows}"
    shop.execute(settings, *tables, filled, schema=WAREHOUSE)
    yield settings
    shop.execute(settings, f"DROP SCHEMA {settings.schema(WAREHOUSE)} CASCADE")


NAIVE = """
MERGE INTO {target} AS t USING {source} AS s ON t.customer_id = s.customer_id
WHEN MATCHED AND s.updated_at > t.updated_at
  THEN UPDATE SET segment = s.segment, updated_at = s.updated_at
WHEN NOT MATCHED THEN INSERT VALUES (s.customer_id, s.segment, s.updated_at)
"""
NEWEST = "(SELECT DISTINCT ON (customer_id) * FROM batch ORDER BY customer_id, updated_at DESC)"


def test_a_merge_on_the_business_key_changes_nothing_the_second_time(
    warehouse: Settings, evidence: Evidence
) -> None:
    merge = NAIVE.format(target="customers", source=NEWEST)
    [first] = shop.execute(warehouse, merge, schema=WAREHOUSE)
    evidence("rows changed by the first merge", first, BATCH_KEYS, "rows")
    [second] = shop.execute(warehouse, merge, schema=WAREHOUSE)
    evidence("rows changed by the second merge", second, 0, "rows")
    rows = shop.ask(warehouse, "SELECT customer_id, segment FROM customers", WAREHOUSE)
    newest = [(number, f"segment {BATCH_VERSIONS}") for number in range(1, BATCH_KEYS + 1)]
    assert sorted((row["customer_id"], row["segment"]) for row in rows) == newest


@pytest.mark.control
def test_a_merge_of_a_batch_with_repeated_keys_doubles_rows_and_then_fails(
    warehouse: Settings, evidence: Evidence
) -> None:
    merge = NAIVE.format(target="naive", source="batch")
    [inserted] = shop.execute(warehouse, merge, schema=WAREHOUSE)
    evidence("rows of the naive merge for the same keys", inserted, more_than(BATCH_KEYS), "rows")
    with pytest.raises(psycopg2.errors.CardinalityViolation) as refused:
        shop.execute(warehouse, "UPDATE batch SET updated_at = 10", merge, schema=WAREHOUSE)
    message = str(refused.value).partition("\n")[0]
    evidence("its next run", message, "MERGE command cannot affect row a second time")


def exported(settings: Settings, name: str, watermark: str | None) -> tuple[int, str | None]:
    """How many changes of customers a Parquet file in the bucket has; where the next one begins."""
    answer = postgres.pulled(CUSTOMERS, settings, watermark)
    lines = [json.loads(found.line) for found in answer.records]
    rows = spark(settings).createDataFrame([tuple(line.values()) for line in lines], list(lines[0]))
    rows.coalesce(1).write.parquet(settings.table_path(f"export.{name}"))
    return len(lines), answer.watermark


KEEPING_DELETES = """
MERGE INTO {target} AS t USING changes AS s ON t.customer_id = s.customer_id
WHEN MATCHED AND s.updated_at > t.updated_at THEN UPDATE SET *
WHEN NOT MATCHED THEN INSERT *
"""
REMOVING_ROWS = """
MERGE INTO {target} AS t USING changes AS s ON t.customer_id = s.customer_id
WHEN MATCHED AND s.operation = 'delete' THEN DELETE
WHEN MATCHED AND s.updated_at > t.updated_at THEN UPDATE SET *
WHEN NOT MATCHED AND s.operation = 'upsert' THEN INSERT *
"""


def load(settings: Settings, table: str, merge: str, *names: str) -> int:
    """How many rows of the table changed when the files' newest of each customer was merged."""
    session, path = spark(settings), settings.table_path(f"lab.{table}")
    delta.create(session, path, dict.fromkeys(CUSTOMERS.columns, "string"))
    files = session.read.parquet(*(settings.table_path(f"export.{name}") for name in names))
    by_age = Window.partitionBy("customer_id").orderBy(F.desc("updated_at"))
    newest = files.withColumn("age", F.row_number().over(by_age)).where("age = 1").drop("age")
    newest.createOrReplaceTempView("changes")
    [done] = session.sql(merge.format(target=delta.ref(path))).collect()
    return int(done["num_affected_rows"])


def loaded(settings: Settings, table: str) -> dict[str, dict[str, Any]]:
    """The customers of the table that are not marked as deleted."""
    rows = spark(settings).read.format("delta").load(settings.table_path(f"lab.{table}"))
    standing = rows.where("operation = 'upsert'").drop("operation", "position")
    return shop.by_key((row.asDict() for row in standing.collect()), "customer_id")


@pytest.fixture(scope="module")
def export(settings: Settings) -> dict[str, int]:
    """The rows of two files: the whole table, and what the next day changed in it."""
    oltp.advance(FIRST_DAY, [], settings)
    full, watermark = exported(settings, "full", None)
    oltp.advance(NEXT_DAY, [], settings)
    return {"full": full, "changes": exported(settings, "changes", watermark)[0]}


def test_exported_parquet_files_merged_by_key_rebuild_the_table(
    settings: Settings, export: dict[str, int], evidence: Evidence
) -> None:
    load(settings, "replica", KEEPING_DELETES, "full")
    load(settings, "replica", KEEPING_DELETES, "changes")
    evidence("rows of the full export", export["full"], more_than(20_000), "rows")
    evidence("rows of the next day's file", export["changes"], more_than(0), "rows")
    evidence("its share", 100 * export["changes"] / export["full"], at_most(2), "%")
    rows = loaded(settings, "replica")
    assert rows == shop.by_key(shop.ask(settings, "SELECT * FROM customers"), "customer_id")
    evidence("customers in both, equal in every column", len(rows), more_than(19_000), "customers")
    again = load(settings, "replica", KEEPING_DELETES, *export)
    evidence("rows changed when both files come again", again, 0, "rows")


@pytest.mark.control
def test_a_delete_that_removes_the_row_is_undone_by_an_older_file(
    settings: Settings, export: dict[str, int], evidence: Evidence
) -> None:
    load(settings, "naive", REMOVING_ROWS, *export)
    standing = loaded(settings, "naive").keys()
    load(settings, "naive", REMOVING_ROWS, "full")
    back = loaded(settings, "naive").keys() - standing
    evidence("deleted customers who came back", len(back), more_than(0), "customers")
