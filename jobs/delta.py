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
PROPERTIES = (
    "'delta.enableChangeDataFeed'='true', 'delta.logRetentionDuration'='interval 3650 days'"
)
RECENT_COMMITS = 20
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


def _with_record(frame: DataFrame, record: RunRecord) -> Any:
    return (
        frame.write.format("delta")
        .option("userMetadata", record.to_json())
        .option("txnAppId", f"lakeproof:{record.table}")
        .option("txnVersion", record.run_number)
    )


@contextmanager
def recorded(session: SparkSession, record: RunRecord) -> Iterator[None]:
    """A block whose SQL commits carry the record."""
    session.conf.set(USER_METADATA, record.to_json())
    try:
        yield
    finally:
        session.conf.unset(USER_METADATA)


def commit_record(session: SparkSession, path: str, record: RunRecord) -> None:
    """Nothing; the record is committed by itself, for a run that changed no row."""
    with recorded(session, record):
        session.sql(
            f"ALTER TABLE {ref(path)} SET TBLPROPERTIES ('lakeproof.run'='{record.run_number}')"
        )
