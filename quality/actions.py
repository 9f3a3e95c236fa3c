"""What was done about quarantined records: a Delta table beside the quarantine, only added to.

A release is written down before the table's own commit and holds once that commit is in the
table's log. A release that was killed between the two therefore never happened.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import commits, delta
from jobs.decode import ROW
from jobs.quarantine import COLUMNS as QUARANTINE_COLUMNS
from jobs.quarantine import quarantine_path
from jobs.settings import Settings

ACTIONS = "quality.quarantine_actions"
RELEASED, FIXED = "released", "fixed"
COLUMNS = {
    "table_name": "string",
    "record_id": "bigint",
    "action": "string",
    "run_id": "string",
    "note": "string",
}


def write_down(
    session: SparkSession, settings: Settings, records: DataFrame, action: tuple[str, str, str, str]
) -> None:
    """Nothing; the records' ids are noted with (table, action, run id, note)."""
    path = settings.table_path(ACTIONS)
    delta.create(session, path, COLUMNS)
    table, done, run_id, note = map(F.lit, action)
    rows = records.select(
        table.alias("table_name"),
        "record_id",
        done.alias("action"),
        run_id.alias("run_id"),
        note.alias("note"),
    )
    rows.write.format("delta").mode("append").save(path)


def release_waiting(
    session: SparkSession, settings: Settings, table: str, accepted: DataFrame, run_id: str
) -> None:
    """Nothing; records of the table that waited and are accepted by the run are released by it."""
    if not commits.exists(settings, quarantine_path(settings, table)):
        return
    waiting = open_records(session, settings, table).select("record_id")
    arrived = accepted.select(f"{ROW}.record_id").join(F.broadcast(waiting), on="record_id")
    if not arrived.isEmpty():
        write_down(session, settings, arrived, (table, RELEASED, run_id, "its input came"))


def done(session: SparkSession, settings: Settings, table: str) -> DataFrame:
    """What was done about the table's records: record_id, action, note, each record once."""
    path = settings.table_path(ACTIONS)
    if not commits.exists(settings, path):
        return session.createDataFrame([], "record_id bigint, action string, note string")
    own = session.read.format("delta").load(path).where(F.col("table_name") == table)
    tried = own.where(F.col("action") == RELEASED).select("run_id").distinct().collect()
    path_of_table = settings.table_path(table)
    committed = {record.run_id for _, record in commits.standing(settings, path_of_table)}
    held = [row["run_id"] for row in tried if row["run_id"] in committed]
    is_done = (F.col("action") == FIXED) | F.col("run_id").isin(held)
    return own.where(is_done).select("record_id", "action", "note")


def refused_records(session: SparkSession, settings: Settings, table: str) -> DataFrame:
    """Every record the table ever refused, with `action` and `note`: null if nothing was done."""
    path = quarantine_path(settings, table)
    if not commits.exists(settings, path):
        schema = ", ".join(f"{name} {type_}" for name, type_ in QUARANTINE_COLUMNS.items())
        rows = session.createDataFrame([], schema)
    else:
        rows = session.read.format("delta").load(path)
    return rows.join(F.broadcast(done(session, settings, table)), on="record_id", how="left")


def open_records(session: SparkSession, settings: Settings, table: str) -> DataFrame:
    """The refused records that still count as quarantined: all that were not released."""
    rows = refused_records(session, settings, table)
    return rows.where(F.coalesce(F.col("action") != RELEASED, F.lit(True)))
