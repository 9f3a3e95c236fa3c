"""Eight commands in a Postgres database of their own, then structure and rows in two lakes."""

import re
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2.extensions import cursor

from answers.evidence import Evidence
from answers.labs.engines import Engines
from jobs.session import postgres
from jobs.settings import Settings

ROWS = 1_000_000
AUDITED_ROWS = 3
COMMANDS = {
    "CREATE": "CREATE TABLE items (item_id bigint)",
    "ALTER": "ALTER TABLE items ADD COLUMN name text",
    "INSERT": "INSERT INTO items VALUES (1, 'lamp')",
    "SELECT": "SELECT * FROM items",
    "UPDATE": "UPDATE items SET name = 'desk lamp'",
    "DELETE": "DELETE FROM items",
    "TRUNCATE": "TRUNCATE items",
    "DROP": "DROP TABLE items",
}
DEFINES = {"CREATE", "ALTER", "TRUNCATE", "DROP"}
WATCH = """
CREATE TABLE watched (tag text);
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO watched VALUES (tg_tag); END';
CREATE EVENT TRIGGER watcher ON ddl_command_start EXECUTE FUNCTION watch();
"""
AUDIT = """
CREATE TABLE stock (item_id bigint);
CREATE TABLE audit (item_id bigint);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO audit VALUES (OLD.item_id); RETURN OLD; END';
CREATE TRIGGER noter AFTER DELETE ON stock FOR EACH ROW EXECUTE FUNCTION note();
"""
BIG = f"CREATE TABLE big AS SELECT n AS id, n % 97 AS amount FROM generate_series(1, {ROWS}) n"
FINGERPRINT = "SELECT count(*), sum(hashint8(id)::bigint * (amount + 1)) FROM big"


@pytest.fixture(scope="module")
def database(settings: Settings) -> Iterator[cursor]:
    """A cursor, without transactions, in a database that the proof has for itself."""
    name = settings.database("commands")
    with closing(postgres(settings)) as shop, shop.cursor() as of_shop:
        shop.autocommit = True
        of_shop.execute(f"CREATE DATABASE {name}")
        try:
            with closing(psycopg2.connect(settings.postgres_dsn, dbname=name)) as own:
                own.autocommit = True
                with own.cursor() as commands:
                    yield commands
        finally:
            of_shop.execute(f"DROP DATABASE {name} WITH (FORCE)")


def rows(database: cursor, query: str) -> list[tuple[object, ...]]:
    database.execute(query)
    return database.fetchall()


def kind(tag: str) -> str:
    """DML answers with the number of rows it touched, DDL with the kind of object it changed."""
    return "DML" if re.search(r"\d$", tag) else "DDL"


def test_ddl_answers_with_the_kind_of_an_object_dml_with_a_number_of_rows(
    database: cursor, evidence: Evidence
) -> None:
    tags = {}
    for command, statement in COMMANDS.items():
        database.execute(statement)
        tags[command] = database.statusmessage or ""
    told = [(command, tag, kind(tag)) for command, tag in tags.items()]
    evidence.table("the eight commands", ("command", "answer", "kind"), told)
    right = sum((kind(tag) == "DDL") == (command in DEFINES) for command, tag in tags.items())
    evidence("classified as the textbook does", right, len(COMMANDS), "of eight")


def test_a_ddl_trigger_sees_create_alter_and_drop_but_neither_truncate_nor_dml(
    database: cursor, evidence: Evidence
) -> None:
    database.execute(WATCH)
    for statement in COMMANDS.values():
        database.execute(statement)
    database.execute("DROP EVENT TRIGGER watcher")
    seen = [str(tag) for (tag,) in rows(database, "SELECT tag FROM watched")]
    evidence("seen by the DDL trigger", ", ".join(seen), "CREATE TABLE, ALTER TABLE, DROP TABLE")


def test_truncate_leaves_the_columns_and_counts_no_rows(
    database: cursor, evidence: Evidence
) -> None:
    database.execute("CREATE TABLE kept AS SELECT 1 AS a, 2 AS b")
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'kept'::regclass AND attnum > 0"
    before = rows(database, columns)
    database.execute("TRUNCATE kept")
    answer = database.statusmessage or ""
    evidence("answer to TRUNCATE", answer, "TRUNCATE TABLE")
    assert rows(database, columns) == before == [("a",), ("b",)]
    evidence("rows after TRUNCATE", len(rows(database, "SELECT * FROM kept")), 0, "rows")


@pytest.mark.control
def test_in_postgres_a_rollback_brings_back_what_truncate_removed(
    database: cursor, evidence: Evidence
) -> None:
    database.execute(BIG)
    before = rows(database, FINGERPRINT)
    for command, statement in {"TRUNCATE": "TRUNCATE big", "DELETE": "DELETE FROM big"}.items():
        database.execute("BEGIN")
        start = time.perf_counter()
        database.execute(statement)
        evidence(f"time of {command}", round(time.perf_counter() - start, 4), unit="s")
        assert rows(database, FINGERPRINT) == [(0, None)]
        database.execute("ROLLBACK")
        after = rows(database, FINGERPRINT)
        evidence(f"rows after {command} and rollback", int(str(after[0][0])), ROWS, "rows")
        assert after == before


def test_a_migration_that_fails_half_way_leaves_no_trace_in_postgres(
    database: cursor, evidence: Evidence
) -> None:
    database.execute("CREATE TABLE prices (cents bigint)")
    database.execute("BEGIN")
    database.execute("ALTER TABLE prices ADD COLUMN currency text")
    database.execute("CREATE TABLE currencies (currency text)")
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        database.execute("ALTER TABLE prices DROP COLUMN euros")
    database.execute("ROLLBACK")
    names = "SELECT table_name, column_name FROM information_schema.columns WHERE table_name IN "
    found = rows(database, names + "('prices', 'currencies')")
    assert found == [("prices", "cents")]
    evidence("columns left of the half migration", len(found) - 1, 0, "columns")


@pytest.mark.control
def test_an_audit_of_deleted_rows_misses_a_truncate(database: cursor, evidence: Evidence) -> None:
    database.execute(AUDIT)
    noted = {}
    for command in ("DELETE FROM stock", "TRUNCATE stock"):
        database.execute(f"INSERT INTO stock SELECT generate_series(1, {AUDITED_ROWS})")
        database.execute(command)
        noted[command] = len(rows(database, "DELETE FROM audit RETURNING item_id"))
        assert rows(database, "SELECT * FROM stock") == []
    evidence("rows in the audit after DELETE", noted["DELETE FROM stock"], AUDITED_ROWS, "rows")
    evidence("rows in the audit after TRUNCATE", noted["TRUNCATE stock"], 0, "rows")


def test_delta_keeps_changes_of_structure_and_of_rows_as_versions_of_one_log(
    engines: Engines, evidence: Evidence
) -> None:
    engines.load("lake_items", {"item_id": "integer"}, [(1,), (2,)])
    path = engines.path("lake_items")
    engines.spark.sql(f"ALTER TABLE delta.`{path}` ADD COLUMN name string")
    engines.spark.sql(f"INSERT INTO delta.`{path}` VALUES (3, 'lamp')")
    log = engines.spark.sql(f"DESCRIBE HISTORY delta.`{path}`").select("version", "operation")
    told = []
    for version, operation in sorted(tuple(row) for row in log.collect()):
        then = engines.spark.read.format("delta").option("versionAsOf", version).load(path)
        told.append((version, operation, ", ".join(then.columns), then.count()))
    evidence.table("the log", ("version", "operation", "columns", "rows"), told)
    assert told == [
        (0, "WRITE", "item_id", 2),
        (1, "ADD COLUMNS", "item_id, name", 2),
        (2, "WRITE", "item_id, name", 3),
    ]
    evidence("versions of the table", len(told), 3, "versions")


def test_clickhouse_changes_rows_by_alter_as_a_mutation_and_structure_without_one(
    engines: Engines, evidence: Evidence
) -> None:
    engines.clickhouse.command("CREATE TABLE store_items (id Int64) ENGINE = MergeTree ORDER BY id")
    engines.clickhouse.insert("store_items", [(1,), (2,), (3,)])
    seen = {}
    for change in (
        "ADD COLUMN name String",
        "UPDATE name = 'lamp' WHERE id = 1",
        "DELETE WHERE id = 2",
    ):
        engines.clickhouse.command(f"ALTER TABLE store_items {change}")
        listed = engines.clickhouse.query(
            "SELECT count() FROM system.mutations "
            "WHERE database = currentDatabase() AND table = 'store_items'"
        )
        seen[change.split()[0]] = listed.result_rows[0][0]
    evidence("mutations after ALTER ADD COLUMN", seen["ADD"], 0, "mutations")
    evidence("mutations after ALTER UPDATE", seen["UPDATE"], 1, "mutation")
    evidence("mutations after ALTER DELETE", seen["DELETE"], 2, "mutations")
    left = engines.ask_one("ClickHouse", "SELECT id, name FROM store_items ORDER BY id")
    assert left == [(1, "lamp"), (3, "")]
