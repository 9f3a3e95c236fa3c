"""One table in three engines: Postgres, Spark over Delta, ClickHouse."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection
from psycopg2.extras import execute_values
from pyspark.sql import SparkSession

from jobs.session import clickhouse, postgres, release, spark
from jobs.settings import Settings

NAMES = ("Postgres", "Spark", "ClickHouse")
DATABASE = "lab"
# What each engine calls a kind of column, in the order of the names.
TYPES = {
    "integer": ("bigint", "bigint", "Nullable(Int64)"),
    "text": ("text", "string", "Nullable(String)"),
    "date": ("date", "date", "Nullable(Date32)"),
    "timestamp": ("timestamp", "timestamp", "Nullable(DateTime64(6))"),
    "decimal": ("numeric(18,2)", "decimal(18,2)", "Nullable(Decimal(18,2))"),
    "float": ("double precision", "double", "Nullable(Float64)"),
}
Rows = list[tuple[Any, ...]]


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
        path = self.settings.table_path(f"{DATABASE}.{table}")
        frame = self.spark.createDataFrame([tuple(row) for row in rows], in_spark)
        frame.write.format("delta").save(path)
        self.spark.read.format("delta").load(path).createOrReplaceTempView(table)
        order = "ENGINE = MergeTree ORDER BY tuple()"
        self.clickhouse.command(f"CREATE TABLE {table} ({in_clickhouse}) {order}")
        self.clickhouse.insert(table, [list(row) for row in rows])

    def ask(self, query: str) -> dict[str, Rows]:
        """The rows of one query, by engine."""
        with self.postgres.cursor() as cursor:
            cursor.execute(query)
            in_postgres = cursor.fetchall()
        in_spark = [tuple(row) for row in self.spark.sql(query).collect()]
        in_clickhouse = [tuple(row) for row in self.clickhouse.query(query).result_rows]
        return dict(zip(NAMES, (in_postgres, in_spark, in_clickhouse), strict=True))


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
