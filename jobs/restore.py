"""A table taken back to how it was before a bad publish, and the list of what it was when.

`python -m jobs.restore <table> --list | --version N | --before <run id> [--replay]`. The restored
table stays as it is until rows of its inputs change; the next run then works on everything since
the version it was restored to, so nothing is lost. `--replay` lets the very next run do so. What is
computed from the table is rebuilt, and the marts are served again.
Source: docs/decisions/rebuild.md
"""

import argparse
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from jobs import commits, delta
from jobs.commits import RunRecord
from jobs.delta import recorded
from jobs.errors import LakeproofError
from jobs.rebuild import Content, affected, content, rebuild
from jobs.serve import serve
from jobs.session import spark
from jobs.settings import Settings, load_settings
from jobs.specs import find_spec

GONE = "(its files are deleted)"


@dataclass(frozen=True)
class Past:
    """A version that a run made: when it ended (UTC), and its content; None if files are gone."""

    version: int
    ended_at: str
    run_id: str
    content: Content | None

    def line(self) -> str:
        """The version in a line for people."""
        found = self.content
        told = f"{found.rows_count:>12,} rows  checksum {found.checksum}" if found else GONE
        return f"{self.version:>8}  {self.ended_at}  {self.run_id:<32}  {told}"


def past(table: str, settings: Settings) -> Iterator[Past]:
    """The versions of the table that runs made, newest first.

    Raises: ServiceDown; SpecError if the table is not known.
    """
    spec = find_spec(table)
    session = spark(settings)
    path = settings.table_path(table)
    times = commits.commit_times(settings, path)
    for version, record in commits.records(settings, path):
        try:
            found = content(delta.read(session, path, version), spec)
        except PySparkException as error:
            if "FILE" not in (error.getCondition() or ""):
                raise
            found = None
        yield Past(version, times[version], record.run_id, found)


def version_before(table: str, run_id: str, settings: Settings) -> int:
    """The version the table had before a run committed.

    Raises: LakeproofError if the table has no such run, or none before it.
    """
    found = commits.records(settings, settings.table_path(table))
    known = {record.run_id: version for version, record in found}
    if run_id not in known:
        raise LakeproofError(f"{table} has no run {run_id}; --list shows those it has")
    if known[run_id] == min(known.values()):
        raise LakeproofError(f"the run {run_id} was the first of {table}: nothing was before it")
    return known[run_id] - 1


def restore(table: str, version: int, settings: Settings, replay: bool = False) -> RunRecord:
    """The record of the commit that took the table back to the version.

    Raises: ServiceDown; LakeproofError if the table is of bronze, has no such version, or its
    files are deleted; the table is then as it was.
    """
    names = affected([table])
    session = spark(settings)
    path = settings.table_path(table)
    found = list(commits.records(settings, path))
    last = found[0][1] if found else None
    then = next((record for at, record in found if at <= version), None)
    if last is None or then is None or version > (commits.latest_version(settings, path) or 0):
        raise LakeproofError(f"{table} has no run at or before version {version}; see --list")
    record = RunRecord(
        run_id=uuid.uuid4().hex,
        run_number=last.run_number + 1,
        table=table,
        inputs=then.inputs,
        stands_on=version,
        held={} if replay else last.held or last.inputs,
    )
    _take_back(session, path, version, record)
    if find_spec(table).serve:
        serve(table, settings)
    for rebuilt in rebuild(settings, names[1:]):
        print(rebuilt.line(), flush=True)
    return record


def _take_back(session: SparkSession, path: str, version: int, record: RunRecord) -> None:
    try:
        with recorded(session, record):
            session.sql(f"RESTORE TABLE {delta.ref(path)} TO VERSION AS OF {version}").collect()
    except PySparkException as error:
        raise LakeproofError(
            f"{record.table} cannot be taken back to version {version}, and is as it was: "
            f"{str(error).splitlines()[0]} If its files were deleted by maintenance, "
            f"`python -m jobs.rebuild {record.table}` computes the table again."
        ) from error


def main(arguments: list[str]) -> None:
    """List what a table was, or take it back to how it was.

    Raises: SystemExit with a sentence when it failed.
    """
    parser = argparse.ArgumentParser(prog="python -m jobs.restore", description=main.__doc__)
    parser.add_argument("table")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--list", action="store_true", help="show the versions that runs made")
    choice.add_argument("--version", type=int, help="take the table back to this version")
    choice.add_argument("--before", metavar="RUN_ID", help="take back this run and all after it")
    parser.add_argument("--replay", action="store_true", help="the next run does them again")
    chosen = parser.parse_args(arguments)
    settings = load_settings()
    try:
        if chosen.list:
            for found in past(chosen.table, settings):
                print(found.line(), flush=True)
            return
        version = chosen.version
        if chosen.before:
            version = version_before(chosen.table, chosen.before, settings)
        record = restore(chosen.table, version, settings, chosen.replay)
        print(f"{record.table} is as it was at version {version}; this run is {record.run_id}")
    except LakeproofError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
