"""Delta tables by path, through Spark: create, read at a version, commit with a run record."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.connect import proto

from jobs.commits import RunRecord

USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
WRITER = "spark.databricks.delta.write.txnAppId"
WRITE_NUMBER = "spark.databricks.delta.write.txnVersion"
PROPERTIES = (
    "'delta.enableChangeDataFeed'='true', 'delta.logRetentionDuration'='interval 3650 days'"
)


def ref(path: str) -> str:
    """The table at a path, as SQL names it."""
    return f"delta.`{path}`"


def create(
    session: SparkSession, path: str, columns: Mapping[str, str], partition_by: tuple[str, ...] = ()
) -> None:
    """Nothing; the table exists from then on, empty if it did not before."""
    body = ", ".join(f"`{name}` {type_}" for name, type_ in columns.items())
    partitioned = f"PARTITIONED BY ({', '.join(partition_by)})" if partition_by else ""
    session.sql(
        f"CREATE TABLE IF NOT EXISTS {ref(path)} ({body}) USING delta {partitioned} "
        f"TBLPROPERTIES ({PROPERTIES})"
    )


def read(session: SparkSession, path: str, version: int) -> DataFrame:
    """The whole table as it stood at a version."""
    return session.read.format("delta").option("versionAsOf", version).load(path)


def read_changes(session: SparkSession, path: str, after: int, upto: int) -> DataFrame:
    """Rows inserted or changed in versions (after, upto], with the change columns."""
    return (
        session.read.format("delta")
        .option("readChangeFeed", "true")
        .option("startingVersion", after + 1)
        .option("endingVersion", upto)
        .load(path)
    )


def append(frame: DataFrame, path: str, record: RunRecord) -> None:
    """Nothing; the rows are in the table once, however often the same run number is tried."""
    _with_record(frame, record).mode("append").save(path)


def replace_where(frame: DataFrame, path: str, condition: str, record: RunRecord) -> None:
    """Nothing; the rows matching the condition are now exactly those of the frame."""
    _with_record(frame, record).mode("overwrite").option("replaceWhere", condition).save(path)


def replace_all(
    frame: DataFrame, path: str, partition_by: tuple[str, ...], record: RunRecord
) -> None:
    """Nothing; the table holds exactly the rows of the frame, in its columns."""
    if frame.schema == frame.sparkSession.read.format("delta").load(path).schema:
        return replace_where(frame, path, "true", record)
    writer = _with_record(frame, record).mode("overwrite").option("overwriteSchema", "true")
    writer.partitionBy(*partition_by).save(path)


def merge(
    frame: DataFrame, path: str, identity: tuple[str, ...], record: RunRecord, gone: str = ""
) -> None:
    """Nothing; each row of the frame is in the table, in place of the one of equal identity.

    Where the column `gone` is true, none is. A run number that is taken is passed over, as by
    `append`.
    """
    session = frame.sparkSession
    is_same = " AND ".join(f"target.`{name}` = source.`{name}`" for name in identity)
    delete = f"WHEN MATCHED AND source.`{gone}` THEN DELETE " if gone else ""
    numbered = {WRITER: _writer(record), WRITE_NUMBER: str(record.run_number)}
    with _configured(session, {USER_METADATA: record.to_json(), **numbered}):
        session.sql(
            f"MERGE INTO {ref(path)} AS target USING {{frame}} AS source ON {is_same} "
            f"{delete}WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
            frame=frame,
        )


def _with_record(frame: DataFrame, record: RunRecord) -> Any:
    return (
        frame.write.format("delta")
        .option("userMetadata", record.to_json())
        .option("txnAppId", _writer(record))
        .option("txnVersion", record.run_number)
    )


def _writer(record: RunRecord) -> str:
    return f"lakeproof:{record.table}"


@contextmanager
def recorded(session: SparkSession, record: RunRecord) -> Iterator[None]:
    """A block whose SQL commits carry the record."""
    with _configured(session, {USER_METADATA: record.to_json()}):
        yield


@contextmanager
def _configured(session: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """A block in which the session has these settings."""
    pairs = [proto.KeyValue(key=key, value=value) for key, value in values.items()]
    _configure(session, set=proto.ConfigRequest.Set(pairs=pairs))
    try:
        yield
    finally:
        _configure(session, unset=proto.ConfigRequest.Unset(keys=[*values]))


def _configure(session: SparkSession, **operation: Any) -> None:
    """One call for all keys; pyspark's own makes one for each."""
    client: Any = cast(Any, session).client
    client.config(proto.ConfigRequest.Operation(**operation))


def commit_record(session: SparkSession, path: str, record: RunRecord) -> None:
    """Nothing; the record is committed by itself, for a run that changed no row."""
    with recorded(session, record):
        session.sql(
            f"ALTER TABLE {ref(path)} SET TBLPROPERTIES ('lakeproof.run'='{record.run_number}')"
        )
