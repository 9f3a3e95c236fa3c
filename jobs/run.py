"""One run of one table: read, transform, check, publish, account, report.

The same six steps for every table. The Delta log is the only state: what a run consumed and made
is written into the commit it makes, so a killed run leaves nothing half-done and a repeated one
finds nothing to do.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import commits, delta, loads
from jobs.commits import RunRecord
from jobs.decode import RAW_COLUMNS, decode
from jobs.drift import alarmed, new_fields
from jobs.errors import LakeproofError
from jobs.evolve import evolve, follow
from jobs.fates import ACCEPTED, QUARANTINED
from jobs.ingest import ingest
from jobs.loads import recompute
from jobs.loads.recompute import Touched
from jobs.quarantine import quarantine
from jobs.session import spark
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec
from jobs.stored_types import column_types
from jobs.tell import told
from quality.actions import release_waiting
from quality.gate import judge


@dataclass(frozen=True)
class Batch:
    """What a run reads: versions, and frames for the transform, raw where they are bronze."""

    versions: dict[str, int]
    frames: dict[str, DataFrame]
    raw: DataFrame | None
    touched: Touched


def run(table: str, settings: Settings, groups: Collection[Any] = ()) -> RunRecord:
    """The record of a run that brings the table up to date with its inputs.

    A record with counts {} says that no input had anything new. `groups` of a table that is
    recomputed by group are computed whatever is new.
    Raises: ServiceDown, SpecError, LedgerError; LakeproofError if another run of the table was
    faster; GateFailed when a critical rule failed, and then nothing was committed.
    """
    spec = find_spec(table)
    session = spark(settings)
    path = settings.table_path(table)
    previous = last_run(settings, spec)
    record = next_run(table, previous)
    if spec.source:
        follow(settings, path, RAW_COLUMNS[spec.source.kind])
        return confirmed(settings, path, ingest(session, spec, settings, record))
    batch = _read(session, spec, settings, previous, groups)
    if batch is None:
        return record
    record = replace(record, inputs=batch.versions)
    if batch.touched.is_nothing:
        delta.commit_record(session, path, record)
        return record
    return confirmed(settings, path, _finish(session, spec, settings, batch, record))


def next_run(table: str, previous: RunRecord | None) -> RunRecord:
    """The record of a run that has done nothing yet."""
    return RunRecord(
        run_id=uuid.uuid4().hex,
        run_number=previous.run_number + 1 if previous else 1,
        table=table,
        inputs=previous.inputs if previous else {},
    )


def confirmed(settings: Settings, path: str, record: RunRecord) -> RunRecord:
    """The record, if it is the table's newest: Delta passes over a run number that is taken.

    Raises: LakeproofError if another run of the table was faster.
    """
    if not any(record.counts.values()):
        return record
    last = commits.last_record(settings, path)
    if last is None or last.run_id != record.run_id:
        raise LakeproofError(
            f"another run of {record.table} committed as number {record.run_number} first. "
            "Its result stands and nothing is lost; run the table again for what is left."
        )
    return record


def last_run(settings: Settings, spec: Spec) -> RunRecord | None:
    """What the last run wrote down; the table is created when there was none."""
    path = settings.table_path(spec.name)
    last = commits.last_record(settings, path)
    if last is None and not commits.exists(settings, path):
        columns = RAW_COLUMNS[spec.source.kind] if spec.source else loads.table_columns(spec)
        partition_by = ("_proc_date",) if spec.source else spec.partition_by
        delta.create(spark(settings), path, columns, partition_by)
    if last is None or spec.source:
        return last
    return evolve(settings, spec, loads.table_columns(spec), last)


def _read(
    session: SparkSession,
    spec: Spec,
    settings: Settings,
    previous: RunRecord | None,
    groups: Collection[Any],
) -> Batch | None:
    """The inputs between the last versions consumed and now, or None when nothing is new."""
    versions = {name: _version(settings, name) for name in spec.inputs}
    consumed: Mapping[str, int] = previous.inputs if previous else {}
    changed = _changed(settings, consumed, versions)
    held = previous.held if previous else {}
    news = _changed(settings, held, versions) if held else changed
    if not groups and not set(news) & set(_driving(spec)):
        return None
    frames = {
        name: delta.read(session, settings.table_path(name), versions[name]) for name in spec.inputs
    }
    changes = {
        name: _changes(session, settings, name, (consumed.get(name), versions[name]))
        for name in changed
    }
    touched = Touched("", None)
    if spec.load == "recompute":
        touched = recompute.touched_groups(spec, changes, groups)
        for name, column in spec.touched_by.items():
            days = spec.reaches_days.get(name, 0)
            frames[name] = frames[name].where(touched.condition_on(column, days))
    else:
        for name in _driving(spec):
            nothing = frames[name].where(F.lit(False))
            changed_rows = changes.get(name, nothing)
            frames[name] = frames[name] if changed_rows is None else changed_rows
    return _decoded(spec, versions, frames, touched)


def _changed(settings: Settings, since: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """The tables that hold other rows at their versions of now than they held since."""
    return [
        name
        for name, version in now.items()
        if commits.has_changed(settings, settings.table_path(name), since.get(name), version)
    ]


def _changes(
    session: SparkSession, settings: Settings, table: str, versions: tuple[int | None, int]
) -> DataFrame | None:
    """The rows that came or went between two versions, None where the whole table counts as new.

    Delta tells no changes across a version in which a column got another type.
    """
    path, (since, version) = settings.table_path(table), versions
    if since is None:
        return None
    then, now = (column_types(settings, path, at) for at in (since, version))
    if any(now.get(name, type_) != type_ for name, type_ in then.items()):
        return None
    changes = delta.read_changes(session, path, since, version)
    return changes.where("_change_type != 'update_preimage'")


def _driving(spec: Spec) -> tuple[str, ...]:
    """The inputs whose changes are what a run works on; the others are looked up whole."""
    if spec.load == "recompute":
        return spec.inputs
    return spec.raw_inputs or spec.inputs[:1]


def _decoded(
    spec: Spec, versions: dict[str, int], frames: dict[str, DataFrame], touched: Touched
) -> Batch:
    """The batch with bronze inputs decoded and all others cut to their specs' columns."""
    raw = []
    for name in spec.inputs:
        read = find_spec(name)
        if read.source:
            raw.append(frames[name].select(*RAW_COLUMNS[read.source.kind]))
            frames[name] = decode(raw[-1], read.source, read.columns)
        else:
            frames[name] = frames[name].select(*read.columns)
    return Batch(versions, frames, reduce(DataFrame.unionByName, raw) if raw else None, touched)


def _version(settings: Settings, table: str) -> int:
    path = settings.table_path(table)
    version = commits.latest_version(settings, path)
    if version is None:
        raise LakeproofError(
            f"{table} does not exist at {path} yet. Run it first: `make run T={table}`."
        )
    return version


def _finish(
    session: SparkSession,
    spec: Spec,
    settings: Settings,
    batch: Batch,
    record: RunRecord,
) -> RunRecord:
    """Steps 2 to 5 for the batch: transform, check, publish, account."""
    path = settings.table_path(spec.name)
    target = session.read.format("delta").load(path) if record.run_number > 1 else None
    rows = spec.transform(*(batch.frames[name] for name in spec.inputs))
    staged, counted = loads.staged_and_counted(rows, spec, target)
    done = replace(
        record,
        counts=counted.counts,
        checksums=counted.checksums,
        reasons=counted.reasons,
        warnings=judge(spec, counted.metrics),
        new_fields=new_fields(staged) if counted.strange_count else {},
    )
    done = alarmed(settings, done, spec)
    if counted.counts[QUARANTINED]:
        quarantine(settings, spec, staged, batch.raw, record.run_id)
    accepted = staged.where(F.col("_fate") == ACCEPTED)
    done = told(settings, done, spec, accepted, target)
    if spec.load == "recompute":
        release_waiting(session, settings, spec.name, accepted, record.run_id)
        recompute.publish(accepted.select(*spec.columns), path, done, batch.touched)
    elif not counted.counts[ACCEPTED]:
        delta.commit_record(session, path, done)
    else:
        loads.publish(accepted, spec, path, done)
    return done
