"""Refused records judged again: what the rules of today accept leaves the quarantine.

Bronze is never touched and nothing is sent again: the table's own transform runs over exactly
those raw records. The run record of a release is a double entry: what it adds to accepted and
duplicate it takes from quarantined, so every hop of the ledger balances as before.
"""

import uuid
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import commits, delta, loads
from jobs.commits import RunRecord
from jobs.decode import ROW, decode, record_id
from jobs.errors import LakeproofError
from jobs.fates import ACCEPTED, DUPLICATE, QUARANTINED, Tally
from jobs.kept import keep
from jobs.session import spark
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec
from quality.actions import RELEASED, refused_records, write_down
from quality.gate import judge


@dataclass(frozen=True)
class Picked:
    """Which refused records of a table are meant: all, those with a reason, or those with an id."""

    table: str
    reason: str = ""
    record_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Released:
    """What became of the records that were judged again."""

    table: str
    accepted: int = 0
    duplicate: int = 0
    still_refused: int = 0

    def summary(self) -> str:
        """The release in a line for people."""
        return (
            f"{self.table}: {self.accepted:,} accepted, {self.duplicate:,} known already, "
            f"{self.still_refused:,} still refused"
        )


def pick(session: SparkSession, settings: Settings, picked: Picked) -> DataFrame:
    """The refused records that are meant, with what was done about them.

    Raises: SpecError for an unknown table; LakeproofError for a reason or an id that no refused
    record has, naming those there are.
    """
    rows = refused_records(session, settings, find_spec(picked.table).name)
    if picked.reason:
        reasons = rows.select(F.explode("reasons").alias("reason")).distinct().collect()
        there = sorted(row["reason"] for row in reasons)
        if picked.reason not in there:
            raise LakeproofError(
                f"{picked.table} refused nothing for {picked.reason!r}; "
                f"its reasons are {', '.join(there) or 'none, it refused nothing'}"
            )
        rows = rows.where(F.array_contains("reasons", picked.reason))
    if picked.record_ids:
        rows = rows.where(F.col("record_id").isin(list(picked.record_ids)))
        found = {row["record_id"] for row in rows.select("record_id").collect()}
        missing = [number for number in picked.record_ids if number not in found]
        if missing:
            raise LakeproofError(
                f"{picked.table} refused no record {missing[0]}; "
                f"`python -m quality.quarantine show {picked.table}` prints those there are"
            )
    return rows


def release(settings: Settings, picked: Picked) -> Released:
    """What the table's rules of today say of the picked records that nothing was done about.

    Doing it twice changes nothing the second time.
    Raises: SpecError, LakeproofError as `pick` does, and if another run of the table was faster;
    GateFailed if the records would break a critical rule.
    """
    session = spark(settings)
    spec = find_spec(picked.table)
    chosen = pick(session, settings, picked).where(F.col("action").isNull())
    if not spec.raw_inputs:
        raise LakeproofError(
            f"{spec.name} reads {', '.join(spec.inputs)}, no raw records. Release them there."
        )
    last = commits.last_record(settings, settings.table_path(spec.name))
    if last is None or chosen.isEmpty():
        return Released(spec.name)
    return _judge_again(session, spec, settings, (keep(chosen), last))


def _judge_again(
    session: SparkSession,
    spec: Spec,
    settings: Settings,
    state: tuple[DataFrame, RunRecord],
) -> Released:
    chosen, last = state
    path = settings.table_path(spec.name)
    frames = [_frame(session, settings, name, chosen, last) for name in spec.inputs]
    target = session.read.format("delta").load(path)
    staged, counted = loads.staged_and_counted(spec.transform(*frames), spec, target)
    warnings = judge(spec, counted.metrics)
    record = _double_entry(last, counted, warnings)
    counts = counted.counts
    if counts[ACCEPTED] + counts[DUPLICATE]:
        good = staged.where(F.col("_fate") != QUARANTINED).select(f"{ROW}.record_id")
        write_down(session, settings, good, (spec.name, RELEASED, record.run_id, ""))
        _publish(settings, spec, staged, record)
    return Released(spec.name, counts[ACCEPTED], counts[DUPLICATE], counts[QUARANTINED])


def _frame(
    session: SparkSession, settings: Settings, name: str, chosen: DataFrame, last: RunRecord
) -> DataFrame:
    """An input as the transform reads it, cut to the chosen records where it is raw."""
    spec = find_spec(name)
    rows = delta.read(session, settings.table_path(name), last.inputs[name])
    if spec.source is None:
        return rows.select(*spec.columns)
    ids = F.broadcast(chosen.select(F.col("record_id").alias("chosen_id")).distinct())
    is_chosen = record_id(spec.source) == F.col("chosen_id")
    return decode(rows.join(ids, on=is_chosen, how="left_semi"), spec.source, spec.columns)


def _double_entry(last: RunRecord, counted: Tally, warnings: list[str]) -> RunRecord:
    """The record of a release: it consumed nothing new, and moves rows from fate to fate."""
    moved = counted.counts[ACCEPTED] + counted.counts[DUPLICATE]
    raw = sum(int(counted.checksums[f"{fate}_raw"]) for fate in (ACCEPTED, DUPLICATE))
    return replace(
        last,
        run_id=uuid.uuid4().hex,
        run_number=last.run_number + 1,
        counts={**counted.counts, QUARANTINED: -moved},
        checksums={**counted.checksums, f"{QUARANTINED}_raw": str(-raw)},
        reasons={},
        warnings=warnings,
        stands_on=None,
    )


def _publish(settings: Settings, spec: Spec, staged: DataFrame, record: RunRecord) -> None:
    path = settings.table_path(spec.name)
    if record.counts[ACCEPTED]:
        loads.publish(staged.where(F.col("_fate") == ACCEPTED), spec, path, record)
    else:
        delta.commit_record(staged.sparkSession, path, record)
    if all(found.run_id != record.run_id for _, found in commits.records(settings, path)):
        raise LakeproofError(
            f"another run of {spec.name} committed as number {record.run_number} first. "
            "Nothing was released; release the records again."
        )
