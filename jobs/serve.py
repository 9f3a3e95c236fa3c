"""Gold into ClickHouse at an exact Delta version: load beside, compare, swap.

Readers see the old mart until the new one was compared with the lake row for row.
"""

import re
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import commits, delta
from jobs.checksum import CHECKSUM_TYPE
from jobs.errors import LakeproofError, LedgerError, SpecError
from jobs.session import clickhouse, spark
from jobs.settings import Settings
from jobs.spec import Projection, Serve, Spec
from jobs.specs import find_spec

MART_DATABASE = "gold"
TYPES = {
    "string": "String",
    "int": "Int32",
    "bigint": "Int64",
    "boolean": "Bool",
    "date": "Date32",
    "timestamp": "DateTime64(6, 'UTC')",
}
# One text per row, the same in both engines, and 60 bits of its MD5 as a number.
SEPARATOR = "\u001f"


@dataclass(frozen=True)
class Served:
    """A mart as ClickHouse now serves it, equal to the table's Delta version."""

    mart: str
    version: int
    rows_count: int
    checksum: str

    def summary(self) -> str:
        """The mart in a line for people."""
        return f"{self.mart:<24} {self.rows_count:,} rows at version {self.version}"


def serve(table: str, settings: Settings) -> Served:
    """The mart, holding exactly the table's newest version.

    Raises: ServiceDown; LedgerError if what was loaded differs from the lake: the mart stays.
    """
    spec = find_spec(table)
    if spec.serve is None:
        raise SpecError(f"{table} has no `serve:` in its spec, so there is no mart to load")
    session = spark(settings)
    client = clickhouse(settings)
    path = settings.table_path(table)
    version = commits.latest_version(settings, path)
    if version is None:
        raise LakeproofError(f"{table} does not exist at {path} yet. Run it first.")
    mart = mart_name(settings, spec)
    loaded = served_version(client, mart)
    if loaded != version:
        staging = f"{mart}__{version}"
        _load(client, settings, spec, staging, version)
        expected = lake_content(delta.read(session, path, version), spec)
        found = mart_content(client, staging, spec)
        if found != expected:
            raise LedgerError(
                f"{mart}: version {version} holds (rows, checksum) {expected} in the lake but "
                f"{found} in ClickHouse's {staging}. The mart was not touched."
            )
        _swap(client, mart, staging, loaded is not None)
    return Served(mart, version, *mart_content(client, mart, spec))


def served_version(client: Any, mart: str) -> int | None:
    """The Delta version a mart was loaded from, None if there is no such mart."""
    database, _, name = mart.partition(".")
    rows = client.query(
        "SELECT comment FROM system.tables "
        "WHERE database = {database:String} AND name = {name:String}",
        parameters={"database": database, "name": name},
    ).result_rows
    return int(rows[0][0].rpartition(" ")[2]) if rows else None


def mart_name(settings: Settings, spec: Spec) -> str:
    """The mart of a gold table, `database.table`."""
    return f"{settings.database(MART_DATABASE)}.{spec.name.partition('.')[2]}"


def _load(client: Any, settings: Settings, spec: Spec, staging: str, version: int) -> None:
    serve_as: Serve = spec.serve  # type: ignore[assignment]  # serve() refused specs without
    columns = [f"`{name}` {_type(spec, name)}" for name in spec.columns]
    body = ", ".join([*columns, *map(_projection, serve_as.projections)])
    partition_by = f"PARTITION BY {serve_as.partition_by}" if serve_as.partition_by else ""
    client.command(f"CREATE DATABASE IF NOT EXISTS {staging.partition('.')[0]}")
    client.command(f"DROP TABLE IF EXISTS {staging}")
    client.command(
        f"CREATE TABLE {staging} ({body}) ENGINE = MergeTree {partition_by} "
        f"ORDER BY ({', '.join(serve_as.order_by)}) COMMENT 'delta version {version}'"
    )
    source = [
        f"`{name}`" if column.nullable else f"assumeNotNull(`{name}`)"
        for name, column in spec.columns.items()
    ]
    folder = settings.object_key(spec.name.replace(".", "/"))
    url = f"{settings.s3_endpoint}/{settings.s3_bucket}/{folder}"
    client.command(
        f"INSERT INTO {staging} SELECT {', '.join(source)} "
        "FROM deltaLake({url:String}, {key:String}, {secret:String})",
        parameters={"url": url, "key": settings.s3_access_key, "secret": settings.s3_secret_key},
        settings={"delta_lake_snapshot_version": version},
    )


def _projection(one: Projection) -> str:
    select = one.select or f"SELECT * ORDER BY ({', '.join(one.order_by)})"
    return f"PROJECTION {one.name} ({select})"


def _type(spec: Spec, name: str) -> str:
    column = spec.columns[name]
    decimal = re.fullmatch(r"decimal\((\d+), ?(\d+)\)", column.type)
    if decimal is None and column.type not in TYPES:
        raise SpecError(f"{spec.name}.{name}: type {column.type} cannot be served to ClickHouse")
    type_ = f"Decimal({decimal[1]}, {decimal[2]})" if decimal else TYPES[column.type]
    return f"Nullable({type_})" if column.nullable else type_


def _swap(client: Any, mart: str, staging: str, is_there: bool) -> None:
    if is_there:
        client.command(f"EXCHANGE TABLES {staging} AND {mart}")
        client.command(f"DROP TABLE {staging}")
    else:
        client.command(f"RENAME TABLE {staging} TO {mart}")


def lake_content(rows: DataFrame, spec: Spec) -> tuple[int, str]:
    """Row count and checksum of a table in the lake, comparable with `mart_content`."""
    texts = [F.coalesce(_lake_text(spec, name), F.lit("\\N")) for name in spec.columns]
    digits = F.substring(F.md5(F.concat_ws(SEPARATOR, *texts)), 1, 15)
    total = F.sum(F.conv(digits, 16, 10).cast(CHECKSUM_TYPE))
    row = rows.agg(F.count("*").alias("n"), F.coalesce(total, F.lit(0)).alias("s")).collect()[0]
    return int(row["n"]), str(row["s"])


def _lake_text(spec: Spec, name: str) -> Any:
    column = F.col(name)
    if spec.columns[name].type == "timestamp":
        return F.unix_micros(column).cast("string")
    if spec.columns[name].type == "boolean":
        return column.cast("int").cast("string")
    return column.cast("string")


def mart_content(client: Any, mart: str, spec: Spec) -> tuple[int, str]:
    """Row count and checksum of a table in ClickHouse, comparable with `lake_content`."""
    parts = ", ".join(f"ifNull({_mart_text(spec, name)}, '\\\\N')" for name in spec.columns)
    text = f"arrayStringConcat([{parts}], '{SEPARATOR}')"
    digits = f"concat('0', substring(lower(hex(MD5({text}))), 1, 15))"
    number = f"reinterpretAsUInt64(reverse(unhex({digits})))"
    query = f"SELECT count(), toString(sum(toDecimal256({number}, 0))) FROM {mart}"
    count, total = client.query(query).result_rows[0]
    return int(count), total


def _mart_text(spec: Spec, name: str) -> str:
    type_ = spec.columns[name].type
    if type_ == "timestamp":
        return f"toString(toUnixTimestamp64Micro(`{name}`))"
    if type_ == "boolean":
        return f"toString(toInt8(`{name}`))"
    if type_.startswith("decimal"):
        return f"toDecimalString(`{name}`, {type_.rstrip(')').rpartition(',')[2].strip()})"
    return f"toString(`{name}`)"
