"""What the commits of a Delta table say. A commit's `userMetadata` holds the record of the run
that made it: the platform's ledger and its only state.

Read with delta-rs, straight from the table's log: a look costs about 20 ms, where a Spark query
costs 100 to 200, and a run takes half a dozen. Source: docs/decisions/small-runs.md
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow
import pyarrow.compute
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from jobs.errors import LakeproofError
from jobs.session import require_object_store
from jobs.settings import Settings

RECENT_COMMITS = 20
# What these operations commit holds the same rows as before.
SAME_ROWS = ("OPTIMIZE", "REORG", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "CLUSTER BY")


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


@dataclass(frozen=True)
class Standing:
    """A table as it is now: its newest version, when that was committed, and what it holds."""

    version: int
    committed_at: datetime
    rows_count: int
    size_bytes: int


def standing_now(settings: Settings, path: str) -> Standing | None:
    """The table as it is now, None where there is no table.

    Raises: ServiceDown.
    """
    table = open_table(settings, path)
    return standing_of(table, table.history(1)[0]) if table else None


def standing_of(table: DeltaTable, newest: dict[str, Any]) -> Standing:
    """What the table holds; its newest commit is given."""
    files = pyarrow.table(table.get_add_actions(flatten=True))
    return Standing(
        version=int(newest["version"]),
        committed_at=committed_at(newest),
        rows_count=pyarrow.compute.sum(files["num_records"]).as_py() or 0,
        size_bytes=pyarrow.compute.sum(files["size_bytes"]).as_py() or 0,
    )


def committed_at(commit: dict[str, Any]) -> datetime:
    """When a commit of a table's history was made."""
    return datetime.fromtimestamp(commit["timestamp"] / 1000, UTC)


def exists(settings: Settings, path: str) -> bool:
    """Whether a Delta table is at the path."""
    return open_table(settings, path) is not None


def _history(settings: Settings, path: str, limit: int | None = None) -> list[dict[str, Any]]:
    """The newest commits, newest first; none where there is no table.

    Raises: ServiceDown.
    """
    table = open_table(settings, path)
    return table.history(limit) if table else []


def open_table(settings: Settings, path: str, version: int | None = None) -> DeltaTable | None:
    """The table at a version, by default now, None where there is none.

    It costs 20 ms, nearly all of a look.
    Raises: ServiceDown.
    """
    require_object_store(settings)
    try:
        return DeltaTable(
            path.replace("s3a://", "s3://", 1), version, storage_options=storage_options(settings)
        )
    except TableNotFoundError:
        return None


def storage_options(settings: Settings) -> dict[str, str]:
    """What delta-rs must be told to reach the object store."""
    return {
        "aws_endpoint": settings.s3_endpoint,
        "aws_access_key_id": settings.s3_access_key,
        "aws_secret_access_key": settings.s3_secret_key,
        "aws_region": "us-east-1",
        "aws_allow_http": "true",
    }


def latest_version(settings: Settings, path: str) -> int | None:
    """The newest version of the table, None where there is no table."""
    table = open_table(settings, path)
    return table.version() if table else None


def latest_metadata(settings: Settings, path: str) -> str | None:
    """What the newest commit says of itself."""
    commits = _history(settings, path, 1)
    return commits[0].get("userMetadata") if commits else None


def commit_times(settings: Settings, path: str) -> dict[int, str]:
    """When each version of the table was committed, in UTC to the second."""
    commits = _history(settings, path)
    moments = {commit["version"]: committed_at(commit) for commit in commits}
    return {version: f"{moment:%Y-%m-%d %H:%M:%S}" for version, moment in moments.items()}


def records(settings: Settings, path: str) -> Iterator[tuple[int, RunRecord]]:
    """Versions and run records of the table, newest first; maintenance commits have none.

    Raises: ServiceDown; LakeproofError if a commit says what no run does.
    """
    table = open_table(settings, path)
    if table is None:
        return
    seen = 0
    # Mostly the newest is all that is asked for, and each commit is a file to read.
    for limit in (1, RECENT_COMMITS, None):
        commits = table.history(limit)
        for commit in commits[seen:]:
            if record := record_of(commit, path):
                yield int(commit["version"]), record
        if limit is None or len(commits) < limit:
            return
        seen = len(commits)


def record_of(commit: dict[str, Any], path: str) -> RunRecord | None:
    """What the run wrote that made a commit of a table's history; None if no run made it.

    Raises: LakeproofError if the commit says what no run does.
    """
    said = commit.get("userMetadata")
    if not said:
        return None
    try:
        return RunRecord(**json.loads(said))
    except (TypeError, ValueError) as error:
        raise LakeproofError(
            f"Commit {commit['version']} of {path} holds no record of a run ({error}): somebody "
            "else wrote there, and the table's history says who."
        ) from error


def standing(settings: Settings, path: str) -> Iterator[tuple[int, RunRecord]]:
    """The records that account for the rows of now, newest first.

    Left out is what a restore took back, and all before a rebuild.
    """
    return accounting(records(settings, path))


def accounting(found: Iterable[tuple[int, RunRecord]]) -> Iterator[tuple[int, RunRecord]]:
    """Those of a table's records, newest first, that account for the rows of now."""
    upto: int | None = None
    for version, record in found:
        if upto is None or version <= upto:
            yield version, record
            upto = record.stands_on if record.stands_on is not None else upto


def has_changed(settings: Settings, path: str, since: int | None, version: int) -> bool:
    """Whether the table's rows at the version may differ from those since, None being no table.

    Raises: LakeproofError if the version is the older one: then the table was made anew.
    """
    if since is None or since == version:
        return since is None
    if version < since:
        raise LakeproofError(
            f"{path} is at version {version}, and was read up to version {since}: it was deleted "
            "and made anew. Nothing was computed from it; `python -m jobs.rebuild <table>` makes "
            "the table that reads it, and all that is made of that, anew too."
        )
    table = open_table(settings, path)
    commits = table.history(table.version() - since) if table else []
    return any(
        commit["version"] <= version and commit["operation"] not in SAME_ROWS for commit in commits
    )


def last_record(settings: Settings, path: str) -> RunRecord | None:
    """What the latest run of the table wrote down, or None before the first."""
    return next((record for _, record in records(settings, path)), None)
