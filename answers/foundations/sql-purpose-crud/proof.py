"""One cycle of create, read, update and delete, and the same SELECT in three engines."""

from decimal import Decimal

import psycopg2
import pytest
from psycopg2.extras import execute_values

from answers.evidence import Evidence
from answers.labs.engines import Engines, Rows

ORDERS = 100
PAID = 10
CANCELLED = 5
COLUMNS = {"order_id": "integer", "customer": "text", "amount": "decimal", "status": "text"}
READ = f"SELECT {', '.join(COLUMNS)} FROM orders"

CYCLE = {
    "CREATE": """
        CREATE TABLE orders (
          order_id bigint PRIMARY KEY,
          customer text NOT NULL,
          amount numeric(18,2) CHECK (amount >= 0)
        )""",
    "ALTER": "ALTER TABLE orders ADD COLUMN status text NOT NULL DEFAULT 'placed'",
    "INSERT": "INSERT INTO orders VALUES %s",
    "UPDATE": f"UPDATE orders SET status = 'paid' WHERE order_id <= {PAID}",
    "DELETE": f"DELETE FROM orders WHERE order_id > {ORDERS - CANCELLED}",
    "SELECT": READ,
}
REFUSED = {
    "a second order of one number": "INSERT INTO orders VALUES (1, 'customer 1', 5)",
    "an order of nobody": f"INSERT INTO orders VALUES ({ORDERS + 1}, NULL, 5)",
    "a price below zero": f"INSERT INTO orders VALUES ({ORDERS + 1}, 'customer 1', -5)",
}


def placed(order_id: int) -> tuple[int, str, Decimal]:
    return order_id, f"customer {order_id % 7}", Decimal(order_id * 125) / 100


def left_over() -> Rows:
    """What the cycle must leave, worked out without SQL."""
    return [
        (*placed(order_id), "paid" if order_id <= PAID else "placed")
        for order_id in range(1, ORDERS - CANCELLED + 1)
    ]


@pytest.fixture(scope="module")
def rows_touched(engines: Engines) -> dict[str, int]:
    """By command of the cycle, how many rows Postgres says it touched."""
    touched = {}
    with engines.postgres.cursor() as cursor:
        for command, statement in CYCLE.items():
            if command == "INSERT":
                execute_values(cursor, statement, [placed(n) for n in range(1, ORDERS + 1)])
            else:
                cursor.execute(statement)
            touched[command] = max(cursor.rowcount, 0)
    return touched


def test_sql_defines_a_table_and_stores_reads_changes_and_removes_its_rows(
    engines: Engines, rows_touched: dict[str, int], evidence: Evidence
) -> None:
    evidence.table("the cycle", ("command", "rows"), [*rows_touched.items()])
    evidence("inserted", rows_touched["INSERT"], ORDERS, "rows")
    evidence("updated", rows_touched["UPDATE"], PAID, "rows")
    evidence("deleted", rows_touched["DELETE"], CANCELLED, "rows")
    evidence("left", rows_touched["SELECT"], ORDERS - CANCELLED, "rows")
    assert sorted(engines.ask_one("Postgres", READ)) == left_over()


def test_one_select_gives_the_same_rows_in_postgres_spark_and_clickhouse(
    engines: Engines, rows_touched: dict[str, int], evidence: Evidence
) -> None:
    rows = engines.ask_one("Postgres", READ)
    engines.load("copied_orders", COLUMNS, rows)
    total = "SELECT count(*), sum(amount) FROM copied_orders WHERE status = 'placed'"
    counted, summed = engines.agreed(total)[0]
    wanted = [row for row in left_over() if row[3] == "placed"]
    evidence("placed orders in each engine", counted, len(wanted), "orders")
    evidence("their amount in each engine", str(summed), str(sum(row[2] for row in wanted)), "EUR")
    everywhere = engines.agreed(READ.replace("orders", "copied_orders"))
    evidence("rows that all three give alike", len(everywhere), len(rows), "rows")


@pytest.mark.control
def test_a_relational_database_refuses_rows_that_break_the_rules_of_their_table(
    engines: Engines, rows_touched: dict[str, int], evidence: Evidence
) -> None:
    before = engines.ask_one("Postgres", READ)
    told = []
    for case, statement in REFUSED.items():
        with engines.postgres.cursor() as cursor, pytest.raises(psycopg2.IntegrityError) as refused:
            cursor.execute(statement)
        told.append((case, type(refused.value).__name__))
    evidence.table("refused by Postgres", ("row", "why"), told)
    evidence("bad rows refused", len({why for _, why in told}), len(REFUSED), "kinds")
    assert engines.ask_one("Postgres", READ) == before


@pytest.mark.control
def test_the_lake_and_the_column_store_take_a_key_twice(
    engines: Engines, evidence: Evidence
) -> None:
    twice = [(1,), (1,)]
    engines.load("keys", {"order_id": "integer"}, twice)
    with engines.postgres.cursor() as cursor, pytest.raises(psycopg2.errors.UniqueViolation):
        cursor.execute("ALTER TABLE keys ADD PRIMARY KEY (order_id)")
    kept = len(engines.ask_one("Spark", "SELECT order_id FROM keys"))
    evidence("rows of one key that Delta keeps", kept, len(twice), "rows")
    engines.clickhouse.command(
        "CREATE TABLE keyed (order_id Int64) ENGINE = MergeTree PRIMARY KEY order_id"
    )
    engines.clickhouse.insert("keyed", twice)
    kept = len(engines.ask_one("ClickHouse", "SELECT order_id FROM keyed"))
    evidence("rows of one primary key that ClickHouse keeps", kept, len(twice), "rows")
