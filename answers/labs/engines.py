"""One table in three engines: Postgres, Spark over Delta, ClickHouse."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg2
from clickhouse_connect.driver.exceptions import DatabaseError
from psycopg2.extensions import connection
from psycopg2.extras import execute_values
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from jobs.session import clickhouse, postgres, release, spark
from jobs.settings import Settings

NAMES = ("Postgres", "Spark", "ClickHouse")
DATABASE = "lab"
SPARK_ERRORS = "SQLQueryContextLogger"
# What each engine calls a kind of column, in the order of the names.
TYPES = {
    "integer": ("bigint", "bigint", "Nullable(Int64)"),
    "text": ("text", "string", "Nullable(String)"),
    "date": ("date", "date", "Nullable(Date32)"),
    "timestamp": ("timestamp", "timestamp", "Nullable(DateTime64(6))"),
    "decimal": ("numeric(18,2)", "decimal(18,2)", "Nullable(Decimal(18,2))"),
    "float": ("double precision", "double", "Nullable(Float64)"),
}
Row = tuple[Any, ...]
Rows = list[Row]


@dataclass(frozen=True)
class Engines:
    """Connections whose unqualified table names mean the same tables."""

    postgres: connection
    spark: SparkSession
    clickhouse: Any
    settings: Settings

    def load(self, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Nothing; each engine has the table with these rows. `columns` gives each one's kind."""
        in_postgres, in_spark, in_clickhouse = (
            ", ".join(f"{name} {TYPES[kind][engine]}" for name, kind in columns.items())
            for engine in range(len(NAMES))
        )
        with self.postgres.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {table} ({in_postgres})")
            execute_values(cursor, f"INSERT INTO {table} VALUES %s", rows, page_size=10_000)
        path = self.path(table)
        frame = self.spark.createDataFrame([tuple(row) for row in rows], in_spark)
        frame.coalesce(1).write.format("delta").save(path)
        # Read once: what is shown is the meaning of a query, not the time of the lake.
        self.spark.read.format("delta").load(path).persist().createOrReplaceTempView(table)
        order = "ENGINE = MergeTree ORDER BY tuple()"
        self.clickhouse.command(f"CREATE TABLE {table} ({in_clickhouse}) {order}")
        self.clickhouse.insert(table, [list(row) for row in rows])

    def path(self, table: str) -> str:
        """Where Spark's table is in the lake; SQL that changes rows needs it."""
        return self.settings.table_path(f"{DATABASE}.{table}")

    def ask(self, query: str) -> dict[str, Rows]:
        """The rows of one query, by engine."""
        return {name: self.ask_one(name, query) for name in NAMES}

    def ask_one(self, engine: str, query: str) -> Rows:
        """The rows that the engine of that name gives."""
        if engine == "Spark":
            return [tuple(row) for row in self.spark.sql(query).collect()]
        if engine == "ClickHouse":
            return [tuple(row) for row in self.clickhouse.query(query).result_rows]
        with self.postgres.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def agreed(self, query: str) -> Rows:
        """The rows of one query, sorted, once every engine gave the same ones.

        Raises: AssertionError naming the engine that differs from the first.
        """
        found = {name: in_order(rows) for name, rows in self.ask(query).items()}
        first = found[NAMES[0]]
        for name, rows in found.items():
            assert rows == first, f"{name} gave {rows[:3]}, {NAMES[0]} {first[:3]}: {query}"
        return first

    def refusal(self, engine: str, query: str) -> str:
        """The first line of what an engine says that does not take the query.

        Raises: AssertionError if it takes it.
        """
        told = logging.getLogger(SPARK_ERRORS)
        told.disabled = True  # it would print every refusal with its stack
        try:
            rows = self.ask_one(engine, query)
        except (DatabaseError, PySparkException, psycopg2.Error) as error:
            return str(error).splitlines()[0]
        finally:
            told.disabled = False
        raise AssertionError(f"{engine} took it and gave {rows[:3]}: {query}")

    def seconds(self, query: str) -> dict[str, float]:
        """How long one run of the query took, by engine, its rows fetched."""
        taken = {}
        for name in NAMES:
            start = time.perf_counter()
            self.ask_one(name, query)
            taken[name] = round(time.perf_counter() - start, 3)
        return taken


def in_order(rows: Sequence[Row]) -> Rows:
    """The rows sorted, nulls too; whole decimals are integers, as engines choose either."""
    return sorted((tuple(map(_plain, row)) for row in rows), key=repr)


def _plain(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == int(value) else value.normalize()


@contextmanager
def engines_of(settings: Settings) -> Iterator[Engines]:
    """The engines, on databases of the namespace's own."""
    schema = database = settings.database(DATABASE)
    client = clickhouse(settings)
    with closing(postgres(settings)) as shop:
        shop.autocommit = True
        with shop.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {schema}")
            cursor.execute(f"SET search_path TO {schema}")
        client.command(f"CREATE DATABASE {database}")
        client.database = database
        client.set_client_setting("join_use_nulls", 1)
        try:
            yield Engines(shop, spark(settings), client, settings)
        finally:
            client.database = None
            client.command(f"DROP DATABASE IF EXISTS {database}")
            release(settings)  # its views go with it
            with shop.cursor() as cursor:
                cursor.execute(f"DROP SCHEMA {schema} CASCADE")
