"""The logs of many tables, looked at again and again: each commit is read once.

Opening a table with delta-rs costs 20 ms, asking the store what is new in its log 1 ms, and what
was committed never changes. Source: docs/decisions/console.md
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from jobs.commits import (
    RunRecord,
    Standing,
    accounting,
    committed_at,
    open_table,
    record_of,
    standing_of,
)
from jobs.errors import ServiceDown
from jobs.settings import Settings

COMMIT = ".json"


@dataclass(frozen=True)
class RunCommit:
    """A commit that a run made."""

    version: int
    committed_at: datetime
    record: RunRecord


@dataclass(frozen=True)
class Log:
    """What a table's log says: the table as it is, and the commits of its runs, newest first."""

    now: Standing
    runs: Sequence[RunCommit]

    def account(self) -> list[RunRecord]:
        """The records that account for the rows of now, newest first."""
        return [record for _, record in accounting((run.version, run.record) for run in self.runs)]


@dataclass(frozen=True)
class _Known:
    """A log as it was read when the newest commit was the one of that name and content."""

    newest: tuple[str, str]
    log: Log


class Logs:
    """Keeps what it has read of each table, and reads what was committed since."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[str, _Known] = {}

    def read(self, store: Minio, path: str) -> Log | None:
        """The table's log as the store has it now, None where there is no table.

        Raises: ServiceDown; LakeproofError if a commit says what no run does; DeltaError.
        """
        known = self._known.get(path)
        commits = self._commits(store, path, known.newest[0] if known else "")
        if known and (not commits or commits[0] != known.newest):
            # Not the commit that it was: the table was made anew, or its old log cleaned up.
            known, commits = None, self._commits(store, path, "")
        if not commits:
            self._known.pop(path, None)
            return None
        if known and commits[-1] == known.newest:
            return known.log
        log = self._log(path, known.log if known else None)
        if log:
            self._known[path] = _Known(commits[-1], log)
        return log

    def _commits(self, store: Minio, path: str, since: str) -> list[tuple[str, str]]:
        """Key and content's hash of each commit from the given one on, oldest first."""
        bucket, _, folder = path.partition("://")[2].partition("/")
        prefix = f"{folder}/_delta_log/"
        try:
            found = store.list_objects(
                bucket, prefix=prefix, start_after=since.removesuffix(COMMIT) or None
            )
            return [
                (str(each.object_name), str(each.etag))
                for each in found
                if str(each.object_name).endswith(COMMIT)
            ]
        except (MinioException, HTTPError) as error:
            raise ServiceDown("minio", self._settings.s3_endpoint, error) from error

    def _log(self, path: str, known: Log | None) -> Log | None:
        table = open_table(self._settings, path)
        if table is None:
            return None
        since = known.now.version if known else -1
        commits = table.history(max(table.version() - since, 1) if known else None)
        fresh = [
            RunCommit(int(commit["version"]), committed_at(commit), record)
            for commit in commits
            if commit["version"] > since and (record := record_of(commit, path))
        ]
        return Log(standing_of(table, commits[0]), [*fresh, *(known.runs if known else ())])
