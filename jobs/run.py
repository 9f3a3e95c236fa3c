"""One run of one table: read, transform, check, publish, account, report.

The same six steps for every table. The Delta log is the only state: what a run consumed and made
is written into the commit it makes, so a killed run leaves nothing half-done and a repeated one
finds nothing to do.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import delta
from jobs.decode import RAW_COLUMNS, decode
from jobs.delta import RunRecord
from jobs.errors import LakeproofError
from jobs.fates import ACCEPTED, QUARANTINED, ROW_HASH, Tally, contract, judged, tally
from jobs.ingest import ingest
from jobs.kept import Keep, keeping
from jobs.loads import recompute, stage, upsert
from jobs.loads.recompute import Touched
from jobs.quarantine import quarantine, quarantine_path
from jobs.session import spark
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec
from quality.gate import judge


@dataclass(frozen=True)
class Batch:
    """What a run reads: the versions, and the frames for the transform, raw where it is bronze."""

    versions: dict[str, int]
    frames: dict[str, DataFrame]
    raw: DataFrame | None
    touched: Touched


def run(table: str, settings: Settings) -> RunRecord:
    """The record of a run that brings the table up to date with its inputs.

    A record with counts {} says that no input had anything new.
    Raises: ServiceDown, SpecError, LedgerError; LakeproofError if another run of the table was
    faster; GateFailed when a critical rule failed, and then
    nothing was committed.
    """
    spec = find_spec(table)
    session = spark(settings)
    path = settings.table_path(table)
    previous = _previous(session, spec, path)
    record = RunRecord(
        run_id=uuid.uuid4().hex,
        run_number=previous.run_number + 1 if previous else 1,
        table=table,
        inputs=previous.inputs if previous else {},
    )
    if spec.layer == "bronze":
        return _confirmed(session, path, ingest(session, spec, settings, record))
    batch = _read(session, spec, settings, previous)
    if batch is None:
        return record
    record = replace(record, inputs=batch.versions)
    if batch.touched.values == []:
        delta.commit_record(session, path, record)
        return record
    with keeping() as keep:
        done = _finish(session, spec, settings, batch, keep, record)
    return _confirmed(session, path, done)


def _confirmed(session: SparkSession, path: str, record: RunRecord) -> RunRecord:
    """The record, if it is the table's newest: Delta passes over a run number that is taken.

    Raises: LakeproofError if another run of the table was faster.
    """
    last = delta.last_record(session, path)
    if any(record.counts.values()) and (last is None or last.run_id != record.run_id):
        raise LakeproofError(
            f"another run of {record.table} committed as number {record.run_number} first. "
            "Its result stands and nothing is lost; run the table again for what is left."
        )
    return record


def _previous(session: SparkSession, spec: Spec, path: str) -> RunRecord | None:
    """What the last run wrote down; the table is created when there was none."""
    last = delta.last_record(session, path)
    if last is None and not delta.exists(session, path):
        columns = RAW_COLUMNS[spec.source.kind] if spec.source else dict(spec.types)
        if spec.load in ("insert", "upsert"):
            columns = {**columns, ROW_HASH: "bigint"}
        partition_by = ("_proc_date",) if spec.source else spec.partition_by
        delta.create(session, path, columns, partition_by)
    return last


def _read(
    session: SparkSession, spec: Spec, settings: Settings, previous: RunRecord | None
) -> Batch | None:
    """The inputs between the last versions consumed and now, or None when nothing is new."""
    versions = {name: _version(session, settings, name) for name in spec.inputs}
    consumed: Mapping[str, int] = previous.inputs if previous else {}
    changed = [name for name in spec.inputs if versions[name] != consumed.get(name)]
    driving = spec.inputs[:1] if spec.load != "recompute" else spec.inputs
    if not set(changed) & set(driving):
        return None
    frames = {
        name: delta.read(session, settings.table_path(name), versions[name]) for name in spec.inputs
    }
    changes = {
        name: delta.read_changes(
            session, settings.table_path(name), consumed[name], versions[name]
        ).where("_change_type != 'update_preimage'")
        if name in consumed
        else None
        for name in changed
    }
    touched = Touched("", None)
    if spec.load == "recompute":
        touched = recompute.touched_groups(spec, changes)
        if touched.values is not None:
            for name, column in spec.touched_by.items():
                frames[name] = frames[name].where(F.col(column).isin(touched.values))
    else:
        first = spec.inputs[0]
        changed_rows = changes[first]
        frames[first] = frames[first] if changed_rows is None else changed_rows
    return _decoded(spec, versions, frames, touched)


def _decoded(
    spec: Spec, versions: dict[str, int], frames: dict[str, DataFrame], touched: Touched
) -> Batch:
    """The batch with bronze inputs decoded and all others cut to their specs' columns."""
    first = find_spec(spec.inputs[0])
    raw = frames[first.name] if first.source else None
    for name in spec.inputs:
        source = find_spec(name)
        frames[name] = (
            decode(frames[name], source.source, source.columns)
            if source.source
            else frames[name].select(*source.columns)
        )
    return Batch(versions, frames, raw, touched)


def _version(session: SparkSession, settings: Settings, table: str) -> int:
    path = settings.table_path(table)
    version = delta.latest_version(session, path)
    if version is None:
        raise LakeproofError(
            f"{table} does not exist at {path} yet. Run it first: `make run T={table}`."
        )
    return version


def _transformed(spec: Spec, batch: Batch) -> DataFrame:
    rows = spec.transform(*(batch.frames[name] for name in spec.inputs))
    return judged(contract(rows, spec), spec)


def _finish(
    session: SparkSession,
    spec: Spec,
    settings: Settings,
    batch: Batch,
    keep: Keep,
    record: RunRecord,
) -> RunRecord:
    """Steps 2 to 5 for the batch: transform, check, publish, account."""
    path = settings.table_path(spec.name)
    target = session.read.format("delta").load(path) if record.run_number > 1 else None
    staged = stage(keep(_transformed(spec, batch)), spec, target, keep)
    counted: Tally = tally(staged, spec)
    done = replace(
        record,
        counts=counted.counts,
        checksums=counted.checksums,
        reasons=counted.reasons,
        warnings=judge(spec, counted.metrics),
    )
    if counted.counts[QUARANTINED]:
        place = (quarantine_path(settings, spec.name), record.run_id)
        quarantine(session, spec, staged, batch.raw, place)
    accepted = staged.where(F.col("_fate") == ACCEPTED)
    if spec.load == "recompute":
        recompute.publish(accepted.select(*spec.columns), path, done, batch.touched)
    elif not counted.counts[ACCEPTED]:
        delta.commit_record(session, path, done)
    elif spec.load == "insert":
        delta.append(accepted.select(*spec.columns, ROW_HASH), path, done)
    else:
        upsert.publish(session, accepted.select(*spec.columns, ROW_HASH), path, done, spec.keys)
    return done
