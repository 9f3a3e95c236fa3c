"""Silver and gold computed again from bronze, beside the tables that are read meanwhile.

`python -m jobs.rebuild [--layer silver|gold] [<table>...]`. A table that comes out as it was is
left alone; another is replaced by one commit, so no reader sees a half-built one. What is computed
from a rebuilt table is rebuilt with it. Source: docs/decisions/rebuild.md
"""

import argparse
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import commits, delta
from jobs.checksum import checksum, row_hash
from jobs.commits import RunRecord
from jobs.errors import LakeproofError
from jobs.objects import delete_objects
from jobs.quarantine import COLUMNS as QUARANTINE_COLUMNS
from jobs.quarantine import quarantine_path
from jobs.run import run
from jobs.serve import serve
from jobs.session import spark
from jobs.settings import Settings, load_settings
from jobs.spec import Spec
from jobs.specs import find_spec, load_specs
from quality.actions import open_records

QUARANTINED = ("record_id", "source", "reasons", "raw")


@dataclass(frozen=True)
class Beside(Settings):
    """Settings under which the tables being rebuilt, and their quarantines, are in a folder of
    their own; all other tables are where they are."""

    folder: str = ""
    building: frozenset[str] = field(default=frozenset())

    def table_path(self, table: str) -> str:
        """The lake path of `layer.name`, beside if it is being rebuilt."""
        if table.removeprefix("quarantine.") not in self.building:
            return super().table_path(table)
        return f"s3a://{self.s3_bucket}/{self.object_key(self.folder)}/{table.replace('.', '/')}"

    def dead_letter_topic(self, name: str) -> None:
        """None: what a rebuild refuses was refused before, and told then."""


@dataclass(frozen=True)
class Content:
    """Rows and order-free checksum."""

    rows_count: int
    checksum: str


@dataclass(frozen=True)
class Rebuilt:
    """One table and its quarantine before, and as bronze gives them now."""

    table: str
    before: tuple[Content, Content]
    after: tuple[Content, Content]
    seconds: float

    @property
    def is_identical(self) -> bool:
        """Whether the table was what bronze gives."""
        return self.before == self.after

    def line(self) -> str:
        """The table in a line for people."""
        (rows, refused), now = self.after, self.after[0].checksum
        verdict = "identical" if self.is_identical else f"REPLACED, was {self.before[0]}"
        return (
            f"{self.table:<28} {rows.rows_count:>10,} rows {refused.rows_count:>7,} refused "
            f"checksum {now:<22} {verdict}  {self.seconds:.1f} s"
        )


def affected(tables: Iterable[str]) -> list[str]:
    """The tables and all that is computed from them, inputs first.

    Raises: SpecError if one is not known; LakeproofError if one is of bronze.
    """
    found = {find_spec(table).name for table in tables}
    if bronze := sorted(table for table in found if table.startswith("bronze.")):
        raise LakeproofError(f"{bronze[0]} is what was landed: there is nothing to rebuild it from")
    for spec in load_specs().values():
        if found & set(spec.inputs):
            found.add(spec.name)
    return [table for table in load_specs() if table in found]


def rebuild(settings: Settings, tables: Iterable[str]) -> Iterator[Rebuilt]:
    """Each affected table once it is what bronze gives, its mart included.

    A table that was not asked for and never computed is left so.

    Raises: ServiceDown; SpecError; GateFailed; LakeproofError if a run of the table committed
    meanwhile. Tables not yet reported are then as they were.
    """
    asked = set(tables)
    names = [
        name
        for name in affected(asked)
        if name in asked or commits.exists(settings, settings.table_path(name))
    ]
    values = {item.name: getattr(settings, item.name) for item in fields(Settings)}
    folder = f"_rebuild/{uuid.uuid4().hex[:8]}"
    beside = Beside(**values, folder=folder, building=frozenset(names))
    at: dict[str, int] = {}
    try:
        for name in names:
            started = time.monotonic()
            rebuilt = _rebuild(find_spec(name), settings, beside, at)
            yield replace(rebuilt, seconds=time.monotonic() - started)
    finally:
        delete_objects(settings, f"{settings.object_key(folder)}/")


def _rebuild(spec: Spec, settings: Settings, beside: Beside, at: dict[str, int]) -> Rebuilt:
    """The table swapped in; `at` learns the version at which it is what was built."""
    session = spark(settings)
    live, built = settings.table_path(spec.name), beside.table_path(spec.name)
    version = commits.latest_version(settings, live)
    if version is None:
        raise LakeproofError(f"{spec.name} does not exist yet: `make run T={spec.name}` builds it")
    last = commits.last_record(settings, live)
    record = run(spec.name, beside)
    rows = session.read.format("delta").load(built)
    before = (content(delta.read(session, live, version), spec), _refused(session, settings, spec))
    after = (content(rows, spec), _refused(session, beside, spec))
    if before[1] != after[1]:
        _replace_quarantine(session, spec, settings, beside)
    at[spec.name] = version
    inputs = {name: at.get(name, consumed) for name, consumed in record.inputs.items()}
    if before != after or _is_ahead(last, inputs):
        number = last.run_number + 1 if last else 1
        done = replace(record, inputs=inputs, run_number=number, stands_on=-1)
        delta.replace_all(rows, live, spec.partition_by, done)
        at[spec.name] = _committed(settings, live, done)
    if spec.serve:
        serve(spec.name, settings)
    return Rebuilt(spec.name, before, after, 0.0)


def _is_ahead(last: RunRecord | None, inputs: Mapping[str, int]) -> bool:
    """Whether the table's record names versions that an input, made anew, does not have yet."""
    consumed = last.inputs if last else {}
    return any(consumed.get(name, 0) > version for name, version in inputs.items())


def _committed(settings: Settings, path: str, record: RunRecord) -> int:
    """The version the record was committed as.

    Raises: LakeproofError if a run had taken its number: Delta then passed over the commit.
    """
    version, last = next(commits.records(settings, path))
    if last.run_id != record.run_id:
        raise LakeproofError(
            f"a run of {record.table} committed while it was rebuilt. Its result stands; rebuild "
            "again, with the DAGs paused if it happens often."
        )
    return version


def content(rows: DataFrame, spec: Spec) -> Content:
    """What a frame of the table holds."""
    return _measured(rows, row_hash(*spec.columns))


def _refused(session: SparkSession, settings: Settings, spec: Spec) -> Content:
    """What the quarantine of the table holds; nothing where there is none."""
    if not commits.exists(settings, quarantine_path(settings, spec.name)):
        return Content(0, "0")
    return _measured(open_records(session, settings, spec.name), row_hash(*QUARANTINED))


def _measured(rows: DataFrame, hashes: object) -> Content:
    totals = rows.agg(F.count("*").alias("n"), checksum(hashes).alias("s"))  # type: ignore[arg-type]
    row = totals.collect()[0]
    return Content(row["n"], row["s"])


def _replace_quarantine(
    session: SparkSession, spec: Spec, settings: Settings, beside: Settings
) -> None:
    """Nothing; the quarantine holds exactly what the rebuilt table refused."""
    live, built = (quarantine_path(place, spec.name) for place in (settings, beside))
    for path in (live, built):
        delta.create(session, path, QUARANTINE_COLUMNS)
    rows = session.read.format("delta").load(built)
    rows.write.format("delta").mode("overwrite").option("mergeSchema", "true").save(live)


def main(arguments: list[str]) -> None:
    """Rebuild the named tables, those of a layer, or all of silver and gold.

    Raises: SystemExit with a sentence when it failed.
    """
    parser = argparse.ArgumentParser(prog="python -m jobs.rebuild", description=main.__doc__)
    parser.add_argument("tables", nargs="*")
    parser.add_argument("--layer", choices=("silver", "gold"))
    chosen = parser.parse_args(arguments)
    layers = (chosen.layer,) if chosen.layer else ("silver", "gold")
    tables = chosen.tables or [s.name for s in load_specs().values() if s.layer in layers]
    try:
        for rebuilt in rebuild(load_settings(), tables):
            print(rebuilt.line(), flush=True)
    except LakeproofError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
