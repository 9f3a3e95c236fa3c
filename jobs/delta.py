"""Delta tables by path: create, read at a version, and commit with a run record.

The record in a commit's `userMetadata` is the platform's ledger and its only state.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Row, SparkSession

USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
WRITER = "spark.databricks.delta.write.txnAppId"
WRITE_NUMBER = "spark.databricks.delta.write.txnVersion"
PROPERTIES = (
    "'delta.enableChangeDataFeed'='true', 'delta.logRetentionDuration'='interval 3650 days'"
)
RECENT_COMMITS = 20
MERGE_SOURCE = "lakeproof_merge"
# What these operations commit holds the same rows as before.
SAME_ROWS = ("OPTIMIZE", "REORG", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "CLUSTER BY")
NO_TABLE = ("DELTA_TABLE_ONLY_OPERATION", "DELTA_MISSING_DELTA_TABLE")


@dataclass(frozen=True)
class RunRecord:
    """What one run did, as written into the commit it made.

    `inputs` holds the last version of each input it consumed (bronze: the next offset of each
    partition); counts are rows per fate; checksums are order-free sums, see `jobs.checksum`.
    """

    run_id: str
    run_number: int
    table: str
    inputs: dict[str, Any]
    counts: dict[str, int] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    # Fields the contract does not know: where each was first seen and in how many records.
    new_fields: dict[str, dict[str, str | int]] = field(default_factory=dict)
    # Changes of the spec's columns that the stored table followed.
    followed: list[str] = field(default_factory=list)
    # A rebuilt table's account starts anew (-1), a restored one's goes on from an old version.
    stands_on: int | None = None
    # A restored table waits for rows beyond these versions of its inputs.
    held: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The record as it stands in the commit."""
        return json.dumps(asdict(self), sort_keys=True)

    def summary(self) -> str:
        """The run in a line for people."""
        counts = [f"{count:,} {fate}" for fate, count in self.counts.items() if count]
        said = ", ".join(counts) or "nothing new"
        return "\n".join([f"{self.table:<24} {said}", *(f"  warning: {w}" for w in self.warnings)])


def ref(path: str) -> str:
    """The table at a path, as SQL names it."""
    return f"delta.`{path}`"


def exists(session: SparkSession, path: str) -> bool:
    """Whether a Delta table is at the path."""
    return bool(_history(session, path, 1))


def _history(session: SparkSession, path: str, limit: int | None = None) -> list[Row]:
    """The newest commits, newest first; none where there is no table."""
    try:
        limited = f"LIMIT {limit}" if limit else ""
        return session.sql(f"DESCRIBE HISTORY {ref(path)} {limited}").collect()
    except AnalysisException as error:
        if error.getCondition() in NO_TABLE:
            return []
        raise


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


def latest_version(session: SparkSession, path: str) -> int | None:
    """The newest version of the table, None where there is no table."""
    commits = _history(session, path, 1)
    return int(commits[0]["version"]) if commits else None


def latest_metadata(session: SparkSession, path: str) -> str | None:
    """What the newest commit says of itself."""
    commits = _history(session, path, 1)
    return commits[0]["userMetadata"] if commits else None


def commit_times(session: SparkSession, path: str) -> dict[int, str]:
    """When each version of the table was committed, in UTC to the second."""
    commits = _history(session, path)
    return {int(c["version"]): c["timestamp"].isoformat(" ", "seconds") for c in commits}


def records(session: SparkSession, path: str) -> Iterator[tuple[int, RunRecord]]:
    """Versions and run records of the table, newest first; maintenance commits have none."""
    seen = 0
    for limit in (RECENT_COMMITS, None):
        commits = _history(session, path, limit)
        for commit in commits[seen:]:
            if commit["userMetadata"]:
                yield int(commit["version"]), RunRecord(**json.loads(commit["userMetadata"]))
        if len(commits) < RECENT_COMMITS:
            return
        seen = len(commits)


def standing(session: SparkSession, path: str) -> Iterator[tuple[int, RunRecord]]:
    """The records that account for the rows of now, newest first.

    Left out is what a restore took back, and all before a rebuild.
    """
    upto: int | None = None
    for version, record in records(session, path):
        if upto is None or version <= upto:
            yield version, record
            upto = record.stands_on if record.stands_on is not None else upto


def has_changed(session: SparkSession, path: str, since: int | None, version: int) -> bool:
    """Whether the table's rows at the version may differ from those since, None being no table."""
    if since is None or since == version:
        return since is None
    commits = _history(session, path, RECENT_COMMITS)
    if commits and commits[-1]["version"] > since + 1:
        commits = _history(session, path)
    return any(
        since < commit["version"] <= version and commit["operation"] not in SAME_ROWS
        for commit in commits
    )


def last_record(session: SparkSession, path: str) -> RunRecord | None:
    """What the latest run of the table wrote down, or None before the first."""
    return next((record for _, record in records(session, path)), None)


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


def merge(frame: DataFrame, path: str, identity: tuple[str, ...], record: RunRecord) -> None:
    """Nothing; each row of the frame is in the table, in place of the one of equal identity.

    A run number that is taken is passed over, as by `append`.
    """
    session = frame.sparkSession
    frame.createOrReplaceTempView(MERGE_SOURCE)
    is_same = " AND ".join(f"target.`{name}` = source.`{name}`" for name in identity)
    numbered = {WRITER: _writer(record), WRITE_NUMBER: str(record.run_number)}
    with recorded(session, record), _configured(session, numbered):
        session.sql(
            f"MERGE INTO {ref(path)} AS target USING {MERGE_SOURCE} AS source ON {is_same} "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
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
    for key, value in values.items():
        session.conf.set(key, value)
    try:
        yield
    finally:
        for key in values:
            session.conf.unset(key)


def commit_record(session: SparkSession, path: str, record: RunRecord) -> None:
    """Nothing; the record is committed by itself, for a run that changed no row."""
    with recorded(session, record):
        session.sql(
            f"ALTER TABLE {ref(path)} SET TBLPROPERTIES ('lakeproof.run'='{record.run_number}')"
        )
