"""Twin tables on one object store, a folder of Parquet and a Delta table, with the same orders.

Spark writes them; delta-rs and Arrow look at them, which costs a tenth of a Spark query.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from pyarrow.fs import S3FileSystem
from pyspark.sql import DataFrame, SparkSession

from jobs.commits import storage_options
from jobs.session import object_store, spark
from jobs.settings import Settings

ROWS, FILES, USERS = 20_000, 4, 100
CHANGES = 10_000
COLUMNS = ("order_id", "user_id", "amount_cents")
Rows = set[tuple[Any, ...]]
Changes = list[tuple[int, str, int]]


@dataclass(frozen=True)
class Twins:
    """The tables `parquet` and `delta`, and others beside them by their names."""

    settings: Settings
    session: SparkSession

    def path(self, name: str) -> str:
        """The lake path of a table."""
        return self.settings.table_path(f"twins.{name}")

    def parquet(self) -> DataFrame:
        """All that is in the folder."""
        return self.session.read.parquet(self.path("parquet"))

    def sql(self, statement: str) -> None:
        """Nothing; the statement, which may name {parquet} and {delta}, is done."""
        names = {kind: f"{kind}.`{self.path(kind)}`" for kind in ("parquet", "delta")}
        self.session.sql(statement.format(**names)).collect()

    def table(self, version: int | None = None, name: str = "delta") -> DeltaTable:
        """A Delta table in another engine, which holds on to the newest version, or to one."""
        uri = self.path(name).replace("s3a:", "s3:")
        return DeltaTable(uri, version=version, storage_options=storage_options(self.settings))

    def rows(self, version: int | None = None) -> Rows:
        """All rows of the Delta table as it is, or was at a version."""
        return as_rows(self.table(version).to_pyarrow_table(columns=list(COLUMNS)))

    def rows_in(self, files: Iterable[str]) -> Rows:
        """All rows of Parquet files, whoever still counts them in."""
        paths = [f"{self.settings.s3_bucket}/{file}" for file in files]
        found = ds.dataset(paths, filesystem=file_system(self.settings), format="parquet")
        return as_rows(found.to_table(columns=list(COLUMNS)))

    def put(self, key: str, data: bytes) -> str:
        """The full key of an object that was put into a table's folder."""
        full = self.settings.object_key(f"twins/{key}")
        store = object_store(self.settings)
        store.put_object(self.settings.s3_bucket, full, BytesIO(data), len(data))
        return full

    def files(self, name: str) -> dict[str, int]:
        """Bytes by data file in a table's folder."""
        found = self.sizes(name).items()
        return {
            file: size
            for file, size in found
            if file.endswith(".parquet") and "/_delta_log/" not in file
        }

    def sizes(self, name: str) -> dict[str, int]:
        """Bytes by object in a table's folder."""
        prefix = self.settings.object_key(f"twins/{name}/")
        store = object_store(self.settings)
        found = store.list_objects(self.settings.s3_bucket, prefix=prefix, recursive=True)
        return {str(item.object_name): item.size or 0 for item in found}


def twins_of(settings: Settings) -> Twins:
    """Twins with the same orders."""
    made = Twins(settings, spark(settings))
    orders(made.session).write.parquet(made.path("parquet"))
    orders(made.session).write.format("delta").save(made.path("delta"))
    return made


def orders(session: SparkSession) -> DataFrame:
    """The same orders at every call; a file holds consecutive ids, and every user."""
    values = ("id AS order_id", f"id % {USERS} AS user_id", "id * 7 % 9973 AS amount_cents")
    return session.range(0, ROWS, 1, FILES).selectExpr(*values)


def as_rows(table: pa.Table) -> Rows:
    """All rows, none of them twice."""
    found = list(zip(*(table[name].to_pylist() for name in COLUMNS), strict=True))
    assert len(found) == len(set(found))
    return set(found)


def changes(writer: int) -> Changes:
    """Half of the captured changes: the even orders for one writer, the odd ones for the other."""
    found = []
    for order_id in range(writer, CHANGES, 2):
        if order_id % 10 < 2:
            found.append((order_id, "delete", 0))
        elif order_id % 10 < 4:
            found.append((order_id + 10 * ROWS, "insert", order_id))
        else:
            found.append((order_id, "update", ROWS + order_id))
    return found


def applied(before: Rows, captured: Changes) -> Rows:
    """What a table must hold after the changes."""
    after = {row[0]: row for row in before}
    for order_id, operation, amount_cents in captured:
        if operation == "insert":
            after[order_id] = (order_id, 0, amount_cents)
        elif order_id in after and operation == "update":
            after[order_id] = (*after[order_id][:2], amount_cents)
        else:
            after.pop(order_id, None)
    return set(after.values())


def merge_in_spark(twins: Twins, captured: Changes) -> None:
    """Nothing; the Delta table has the changes."""
    columns = "order_id bigint, operation string, amount_cents bigint"
    twins.session.createDataFrame(captured, columns).createOrReplaceTempView("captured")
    twins.sql(
        "MERGE INTO {delta} t USING captured s ON t.order_id = s.order_id "
        "WHEN MATCHED AND s.operation = 'delete' THEN DELETE "
        "WHEN MATCHED THEN UPDATE SET amount_cents = s.amount_cents "
        "WHEN NOT MATCHED AND s.operation = 'insert' THEN "
        "INSERT (order_id, user_id, amount_cents) VALUES (s.order_id, 0, s.amount_cents)"
    )


def merge_in_delta_rs(table: DeltaTable, captured: Changes) -> None:
    """Nothing; the table has the changes, if nobody changed it since this handle was made.

    Raises: CommitFailedError if somebody did.
    """
    names = ("order_id", "operation", "amount_cents")
    source = pa.table(dict(zip(names, map(list, zip(*captured, strict=True)), strict=True)))
    merged = table.merge(source, "t.order_id = s.order_id", source_alias="s", target_alias="t")
    new = {"order_id": "s.order_id", "user_id": "0", "amount_cents": "s.amount_cents"}
    merged.when_matched_delete("s.operation = 'delete'").when_matched_update(
        {"amount_cents": "s.amount_cents"}
    ).when_not_matched_insert(new, "s.operation = 'insert'").execute()


def error_class(error: BaseException) -> str:
    """The name that Spark gives an error."""
    found = re.match(r"\[([A-Z_.]+)\]", str(error))
    return found[1] if found else str(error)


def file_system(settings: Settings) -> S3FileSystem:
    """The object store for Arrow."""
    return S3FileSystem(
        endpoint_override=settings.s3_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
    )
