"""The shop's products from Postgres' log to Kafka, Delta and ClickHouse, while they change."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter
from statistics import quantiles
from typing import Any

import pytest

from answers.evidence import Evidence, more_than
from answers.labs import kafka, shop
from generators import oltp
from jobs import capture, registry
from jobs.commits import last_record
from jobs.errors import ContractBroken
from jobs.session import clickhouse, postgres, spark
from jobs.settings import Settings
from jobs.spec import Column
from jobs.specs import find_spec
from jobs.together import bring_up_to_date

TOPIC = "product_changes"
TABLES = ["bronze.product_changes", "silver.products_replica", "gold.products_on_sale"]
SNAPSHOT_ROWS, INSERTS, UPDATES, DELETES = 60, 20, 40, 10
WRITES, POLLS, ROUNDS = 50, 5, 3
FLUSH = "SELECT pg_stat_force_next_flush()"
KEY, *_ = COLUMNS = ("product_id", "name", "category", "list_price_cents", "currency")
ROW = "'prd-' || n, 'Lamp ' || n, 'home', 100 + n, 'EUR', '2026-02-01'"
INSERT = f"INSERT INTO products SELECT {ROW} FROM generate_series(%s, %s) AS n"


@dataclass(frozen=True)
class Mirror:
    """The changes as Kafka has them, and how long they were on their way."""

    settings: Settings
    changes: list[dict[str, Any]]
    mart_seconds: float

    def of(self, *operations: str) -> list[dict[str, Any]]:
        """The changes of these kinds, in the order of the topic."""
        return [change for change in self.changes if change["operation"] in operations]


def statements() -> Iterator[str]:
    """The live load: each is a transaction of its own."""
    for number in range(SNAPSHOT_ROWS + 1, SNAPSHOT_ROWS + INSERTS + 1):
        yield INSERT.replace("%s", str(number))
    for number in range(1, UPDATES + 1):
        change = f"list_price_cents = {1_000 + number}, updated_at = '2026-02-02'"
        yield f"UPDATE products SET {change} WHERE product_id = 'prd-{number}'"
    for number in range(1, DELETES + 1):
        yield f"DELETE FROM products WHERE product_id = 'prd-{number}'"
    yield "ALTER TABLE products ADD COLUMN colour text"
    yield f"UPDATE products SET colour = 'red' WHERE product_id = 'prd-{SNAPSHOT_ROWS}'"


@pytest.fixture(scope="module")
def mirror(settings: Settings) -> Mirror:
    """A shop that was there before the capture began, changed, and followed to the mart."""
    oltp.create_tables(settings)
    shop.execute(settings, INSERT % (1, SNAPSHOT_ROWS))
    capture.start(settings)
    capture.wait_until_caught_up(settings)
    for statement in statements():
        shop.execute(settings, statement)
    committed = time.monotonic()
    capture.wait_until_caught_up(settings)
    list(bring_up_to_date(TABLES, settings))
    mart_seconds = time.monotonic() - committed
    changes = [
        {**json.loads(one.value), "partition": one.partition, "taken_at_ms": one.timestamp}
        for one in kafka.read_all(settings, settings.topic(TOPIC))
    ]
    return Mirror(settings, changes, mart_seconds)


def in_database(settings: Settings) -> dict[str, dict[str, Any]]:
    """The products as the shop has them now."""
    return shop.by_key(shop.ask(settings, f"SELECT {', '.join(COLUMNS)} FROM products"), KEY)


def test_in_each_partition_the_snapshot_comes_first_then_changes_in_the_log_s_order(
    mirror: Mirror, evidence: Evidence
) -> None:
    kinds = Counter(change["operation"] for change in mirror.changes)
    evidence("records of the snapshot", kinds.pop("r"), SNAPSHOT_ROWS, "records")
    assert kinds == {"c": INSERTS, "u": UPDATES + 1, "d": DELETES}
    evidence("records after it, one for each change", kinds.total(), unit="records")
    misplaced = 0
    for number in {change["partition"] for change in mirror.changes}:
        here = [change for change in mirror.changes if change["partition"] == number]
        order = [(change["operation"] != "r", change["lsn"]) for change in here]
        misplaced += order != sorted(order)
    evidence("partitions out of order", misplaced, 0, "partitions")


def test_lake_and_warehouse_hold_what_the_database_holds_row_for_row(
    mirror: Mirror, evidence: Evidence
) -> None:
    settings, source = mirror.settings, in_database(mirror.settings)
    path = settings.table_path("silver.products_replica")
    current = spark(settings).read.format("delta").load(path).where("is_current")
    in_delta = shop.by_key((row.asDict() for row in current.select(*COLUMNS).collect()), COLUMNS[0])
    mart = f"SELECT {', '.join(COLUMNS)} FROM {settings.database('gold')}.products_on_sale"
    in_mart = shop.by_key(clickhouse(settings).query(mart).named_results(), COLUMNS[0])
    evidence("products in the database", len(source), SNAPSHOT_ROWS + INSERTS - DELETES, "products")
    evidence("rows of the lake that differ", len(differing(source, in_delta)), 0, "rows")
    evidence("rows of the warehouse that differ", len(differing(source, in_mart)), 0, "rows")


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """The keys whose rows are not equal in both."""
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def test_a_delete_becomes_a_row_that_says_so_and_keeps_its_last_values(
    mirror: Mirror, evidence: Evidence
) -> None:
    path = mirror.settings.table_path("silver.products_replica")
    rows = spark(mirror.settings).read.format("delta").load(path).where("is_deleted").collect()
    evidence("rows marked as deleted", len(rows), DELETES, "rows")
    kept = {row["product_id"]: row["list_price_cents"] for row in rows}
    assert kept == {f"prd-{number}": 1_000 + number for number in range(1, DELETES + 1)}


@pytest.mark.control
def test_asking_the_table_now_and_then_sees_no_delete_and_one_version_of_each_row(
    mirror: Mirror, evidence: Evidence
) -> None:
    since = "SELECT product_id FROM products WHERE updated_at >= '2026-02-01'"
    asked = {row["product_id"] for row in shop.ask(mirror.settings, since)}
    gone = {change["product_id"] for change in mirror.of("d")}
    evidence("deletes that a query sees", len(asked & gone), 0, "deletes")
    evidence("deletes that the log has", len(gone), DELETES, "deletes")
    evidence("versions that a query sees", len(asked), unit="versions")
    evidence("versions in the log", len(mirror.of(*"rcu")), more_than(len(asked)), "versions")


@pytest.mark.control
def test_a_replacingmergetree_is_right_only_when_it_is_asked_with_final(
    mirror: Mirror, evidence: Evidence
) -> None:
    client, table = clickhouse(mirror.settings), f"{mirror.settings.database('gold')}.products"
    client.command(
        f"CREATE TABLE {table} (product_id String, name String, category String, "
        "list_price_cents Int64, currency String, lsn UInt64, is_deleted UInt8) "
        "ENGINE = ReplacingMergeTree(lsn, is_deleted) ORDER BY product_id"
    )
    client.command(f"SYSTEM STOP MERGES {table}")
    values = itemgetter(*COLUMNS, "lsn")
    for operation in "rcudrcud":  # each comes twice
        client.insert(table, [[*values(one), operation == "d"] for one in mirror.of(operation)])
    query = f"SELECT {', '.join(COLUMNS)} FROM {table}"
    final = shop.by_key(client.query(f"{query} FINAL").named_results(), "product_id")
    plain = len(client.query(query).result_rows)
    evidence("rows without FINAL", plain, more_than(len(final)), "rows")
    evidence("rows with FINAL", len(final), len(in_database(mirror.settings)), "rows")
    assert final == in_database(mirror.settings)


def test_a_new_column_is_told_and_the_registry_refuses_what_would_break_readers(
    mirror: Mirror, evidence: Evidence
) -> None:
    settings, spec = mirror.settings, find_spec("bronze.product_changes")
    record = last_record(settings, settings.table_path("silver.products_replica"))
    assert record is not None
    evidence("new columns told by the run", ", ".join(record.new_fields), "colour")
    evidence("records it refused", record.counts["quarantined"], 0, "records")
    before = registry.register(settings, TOPIC, spec)
    optional = {**spec.columns, "colour": Column("string", nullable=True)}
    after = registry.register(settings, TOPIC, replace(spec, columns=optional))
    evidence("optional column accepted as a new version", after != before, True)
    retyped = {**optional, "list_price_cents": Column("string")}
    with pytest.raises(ContractBroken, match="list_price_cents"):
        registry.register(settings, TOPIC, replace(spec, columns=retyped))


def searches(settings: Settings) -> int:
    """How often the table of products was searched so far, by an index or from end to end."""
    place = f"schemaname = '{settings.schema('shop')}' AND relname = 'products'"
    counts = "SELECT seq_scan + coalesce(idx_scan, 0) AS n FROM pg_stat_user_tables"
    return int(shop.ask(settings, f"{counts} WHERE {place}")[0]["n"])


@pytest.mark.control
def test_after_the_snapshot_the_capture_asks_the_tables_nothing_and_a_poll_does(
    mirror: Mirror, evidence: Evidence
) -> None:
    settings, before = mirror.settings, searches(mirror.settings)
    for number in range(1_000, 1_000 + WRITES):
        shop.execute(settings, INSERT % (number, number), FLUSH)
    capture.wait_until_caught_up(settings)
    records = kafka.read_all(settings, settings.topic(TOPIC))
    evidence("inserts captured", len(records) - len(mirror.changes), WRITES, "inserts")
    evidence("searches of the table by the capture", searches(settings) - before, 0, "searches")
    for _ in range(POLLS):
        shop.execute(settings, "SELECT * FROM products WHERE updated_at > '2026-01-01'", FLUSH)
    evidence("searches by polls", searches(settings) - before, POLLS, "searches")


def cost(settings: Settings, table: str) -> tuple[float, float]:
    """Bytes of log for an update and updates a second, in the best of some rounds."""
    change = f"UPDATE {table} SET list_price_cents = %s WHERE product_id = 'prd-%s'"
    logged, seconds = [], []
    with closing(postgres(settings)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"SET search_path TO {settings.schema('shop')}")
        for price in range(1, 2 + ROUNDS):  # now and then the log has whole pages, too
            began = time.monotonic()
            for number in range(DELETES + 1, DELETES + 1 + WRITES):
                cursor.execute(change, [price, number])
            seconds.append(time.monotonic() - began)
            cursor.execute(FLUSH)
            cursor.execute("SELECT wal_bytes FROM pg_stat_get_backend_wal(pg_backend_pid())")
            logged += [int(one) for one in cursor.fetchone() or ()]
    return min(b - a for a, b in pairwise(logged)) / WRITES, WRITES / min(seconds)


def test_what_the_source_pays_is_a_longer_log_of_whole_rows(
    mirror: Mirror, evidence: Evidence
) -> None:
    wide = "UPDATE products SET name = repeat(md5(name), 30)"  # rows of a kilobyte
    copy = "CREATE TABLE uncaptured (LIKE products INCLUDING INDEXES)"
    shop.execute(mirror.settings, wide, copy, "INSERT INTO uncaptured SELECT * FROM products")
    plain_bytes, plain_rate = cost(mirror.settings, "uncaptured")
    captured_bytes, captured_rate = cost(mirror.settings, "products")
    evidence("log for an update, not captured", plain_bytes, unit="bytes")
    evidence("log for an update, captured", captured_bytes, more_than(plain_bytes), "bytes")
    evidence("updates without capture", plain_rate, unit="a second")
    evidence("updates with capture", captured_rate, unit="a second")


def test_commits_are_in_kafka_in_seconds_and_in_the_mart_with_the_next_run(
    mirror: Mirror, evidence: Evidence
) -> None:
    commits = mirror.of("c", "u", "d")
    evidence("commits followed", len(commits), INSERTS + UPDATES + DELETES + 1, "commits")
    waits = [one["taken_at_ms"] / 1e3 - one["committed_at_us"] / 1e6 for one in commits]
    *_, last = cuts = quantiles(waits, n=20)
    evidence("commit to Kafka in the middle", cuts[9], unit="s")
    evidence("commit to Kafka at the 95th percentile", last, unit="s")
    evidence("last commit to the mart", mirror.mart_seconds, unit="s")
