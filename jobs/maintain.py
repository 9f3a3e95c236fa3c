"""Tables kept in good order: small files compacted, rows clustered, and old files deleted.

None of it changes a row, and its commits carry no run record: runs pass over them.
Source: docs/decisions/maintenance.md
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pyspark.sql import SparkSession

from jobs import commits, delta
from jobs.errors import LakeproofError
from jobs.session import object_store, spark
from jobs.settings import Settings, load_settings
from jobs.spec import Spec
from jobs.specs import find_spec, load_specs

# Within it Delta's readers and writers may still need a file that the newest version does not.
SHORTEST_RETENTION_HOURS = 168
# VACUUM lists a table's folders in so many tasks. The usual 10,000 take minutes for a small table.
LISTING_TASKS, LISTING_TASKS_COUNT = "spark.sql.sources.parallelPartitionDiscovery.parallelism", 8
HEADER = (
    f"{'table':<36} {'live files':>15} {'live bytes':>27} {'stored':>7} {'old':>5} {'deleted':>7}"
)


@dataclass(frozen=True)
class Files:
    """Data files: those of the newest version with their bytes, and all that the store holds."""

    live_count: int
    live_bytes: int
    stored_count: int


@dataclass(frozen=True)
class Maintained:
    """One table before and after; `old_count` files are older than the retention.

    They are deleted only where the deletion was confirmed.
    """

    table: str
    before: Files
    after: Files
    old_count: int
    is_confirmed: bool
    clustered_by: tuple[str, ...] = field(default=())

    def line(self) -> str:
        """The table as a line below `HEADER`."""
        before, after = self.before, self.after
        deleted = before.stored_count - after.stored_count if self.is_confirmed else 0
        return (
            f"{self.table:<36} {f'{before.live_count:,} -> {after.live_count:,}':>15} "
            f"{f'{before.live_bytes:,} -> {after.live_bytes:,}':>27} {after.stored_count:>7,} "
            f"{self.old_count:>5,} {deleted:>7,}"
        )


def existing(settings: Settings, tables: Iterable[str] = ()) -> list[str]:
    """The tables, all without a choice, that are in the lake, and their quarantines.

    Raises: ServiceDown; SpecError if one is not known.
    """
    chosen = [find_spec(table).name for table in tables] or list(load_specs())
    names = [name for table in chosen for name in (table, f"quarantine.{table}")]
    return [name for name in names if commits.exists(settings, settings.table_path(name))]


def maintain(
    table: str,
    settings: Settings,
    confirm: bool = False,
    retention_hours: float = SHORTEST_RETENTION_HOURS,
) -> Maintained:
    """The table, or quarantine, compacted, clustered, and without the files nobody reads any more.

    Without `confirm` the old files are counted, and none is deleted.
    Raises: ServiceDown; LakeproofError if the retention is too short.
    """
    if retention_hours < SHORTEST_RETENTION_HOURS:
        raise LakeproofError(
            f"a retention of {retention_hours} hours is too short: files younger than "
            f"{SHORTEST_RETENTION_HOURS} hours may be in use by a reader or a running job"
        )
    session = spark(settings)
    session.conf.set(LISTING_TASKS, LISTING_TASKS_COUNT)
    path = settings.table_path(table)
    clustered_by = _cluster(session, path, _spec_of(table))
    before = _files(session, settings, path)
    session.sql(f"OPTIMIZE {delta.ref(path)}").collect()
    stored = _stored_count(settings, path)
    vacuum = f"VACUUM {delta.ref(path)} RETAIN {retention_hours} HOURS"
    old_count = len(session.sql(f"{vacuum} DRY RUN").collect())
    if confirm:
        session.sql(vacuum).collect()
    before = Files(before.live_count, before.live_bytes, stored)
    after = _files(session, settings, path)
    return Maintained(table, before, after, old_count, confirm, clustered_by)


def _spec_of(table: str) -> Spec | None:
    """The spec of a table; a quarantine has none."""
    return None if table.startswith("quarantine.") else find_spec(table)


def _cluster(session: SparkSession, path: str, spec: Spec | None) -> tuple[str, ...]:
    """The columns the table is clustered by from now on; OPTIMIZE then moves the rows."""
    wanted = spec.cluster_by if spec else ()
    detail = session.sql(f"DESCRIBE DETAIL {delta.ref(path)}").collect()[0]
    if wanted and tuple(detail["clusteringColumns"]) != wanted:
        columns = ", ".join(f"`{name}`" for name in wanted)
        session.sql(f"ALTER TABLE {delta.ref(path)} CLUSTER BY ({columns})")
    return wanted


def _files(session: SparkSession, settings: Settings, path: str) -> Files:
    detail = session.sql(f"DESCRIBE DETAIL {delta.ref(path)}").collect()[0]
    return Files(detail["numFiles"], detail["sizeInBytes"], _stored_count(settings, path))


def _stored_count(settings: Settings, path: str) -> int:
    """How many data files of the table the store holds, whoever still needs them."""
    folder = f"{urlsplit(path).path.lstrip('/')}/"
    found = object_store(settings).list_objects(settings.s3_bucket, prefix=folder, recursive=True)
    return sum(1 for item in found if "/_delta_log/" not in str(item.object_name))


def main(arguments: list[str]) -> None:
    """Maintain the named tables, or all; `--confirm` deletes the files beyond the retention.

    Raises: SystemExit with a sentence when it failed.
    """
    parser = argparse.ArgumentParser(prog="python -m jobs.maintain", description=main.__doc__)
    parser.add_argument("tables", nargs="*")
    parser.add_argument("--confirm", action="store_true", help="delete, not only count")
    chosen = parser.parse_args(arguments)
    try:
        settings = load_settings()
        print(HEADER)
        for table in existing(settings, chosen.tables):
            print(maintain(table, settings, chosen.confirm).line(), flush=True)
    except LakeproofError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
