"""Twin tables on one object store, plain Parquet and Delta, and the same mishaps to both."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.schema import PrimitiveType
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from answers.evidence import Evidence, at_most, more_than
from answers.labs.twin_tables import (
    CHANGES,
    FILES,
    ROWS,
    USERS,
    Twins,
    applied,
    changes,
    error_class,
    file_system,
    merge_in_delta_rs,
    merge_in_spark,
    twins_of,
)
from jobs.commits import storage_options
from jobs.objects import delete_objects
from jobs.settings import ROOT, Settings

USER = 7
CHANGED_ROWS = 1_000
BAD_ROWS = 50
WRITER = Path(__file__).with_name("writer.py")
WRITER_ROWS, FILES_BEFORE_DEATH = 10_000, 5
BOTH = ("parquet", "delta")


@pytest.fixture(scope="module")
def twins(settings: Settings) -> Twins:
    return twins_of(settings)


@pytest.mark.control
def test_a_plain_lake_takes_any_file_and_a_stray_one_breaks_the_folder_s_readers(
    twins: Twins, evidence: Evidence
) -> None:
    before = twins.rows()
    strays = [twins.put(f"{kind}/photo.parquet", b"a picture of a cat") for kind in BOTH]
    with pytest.raises(PySparkException, match="photo.parquet") as broken:
        twins.parquet().collect()
    evidence("reading the folder", error_class(broken.value), "FAILED_READ_FILE.NO_HINT")
    found = twins.session.read.format("delta").load(twins.path("delta")).collect()
    assert {tuple(row)[:3] for row in found} == before
    evidence("rows read from Delta with the same stray file", len(found), ROWS, "rows")
    for key in strays:
        delete_objects(twins.settings, key)


def test_a_writer_killed_half_way_leaves_half_its_rows_in_parquet_and_none_in_delta(
    twins: Twins, evidence: Evidence
) -> None:
    uri = twins.path("killed_delta").replace("s3a:", "s3:")
    empty = Schema([Field("order_id", PrimitiveType("long"))])
    DeltaTable.create(uri, empty, storage_options=storage_options(twins.settings))
    assert written(twins, FILES_BEFORE_DEATH) == dict.fromkeys(BOTH, -signal.SIGKILL)
    half = seen(twins)
    evidence.series("rows that readers see after the kill", half, "rows")
    evidence("rows of the killed job in Parquet", half["parquet"], WRITER_ROWS // 2, "rows")
    evidence("rows of the killed job in Delta", half["delta"], 0, "rows")
    left = len(twins.files("killed_delta"))
    evidence("files it left that no Delta reader sees", left, FILES_BEFORE_DEATH, "files")
    assert written(twins, files_before_death=-1) == dict.fromkeys(BOTH, 0)
    again = seen(twins)
    evidence("Parquet after the job ran again", again["parquet"], WRITER_ROWS * 3 // 2, "rows")
    evidence("Delta after the job ran again", again["delta"], WRITER_ROWS, "rows")


def written(twins: Twins, files_before_death: int) -> Mapping[str, int]:
    """How two processes ended that wrote a table each, or killed themselves after some files."""
    started = {}
    for kind in BOTH:
        table = twins.path(f"killed_{kind}").removeprefix("s3a://")
        command = [sys.executable, str(WRITER), kind, table, str(files_before_death)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        started[kind] = subprocess.Popen(command, cwd=ROOT, env=environment)
    return {kind: process.wait() for kind, process in started.items()}


def seen(twins: Twins) -> dict[str, int]:
    """How many rows readers of each table see."""
    folder = twins.path("killed_parquet").removeprefix("s3a://")
    parquet = ds.dataset(folder, filesystem=file_system(twins.settings), format="parquet")
    delta = twins.table(name="killed_delta").to_pyarrow_table()
    return {"parquet": parquet.count_rows(), "delta": delta.num_rows}


@pytest.mark.control
def test_a_wrong_type_is_let_into_a_parquet_folder_and_refused_by_delta(
    twins: Twins, evidence: Evidence
) -> None:
    before, files = twins.rows(), twins.files("parquet")
    words = f"id + {ROWS} AS order_id", "0L AS user_id", "'twelve' AS amount_cents"
    bad = twins.session.range(0, BAD_ROWS, 1, 1).selectExpr(*words)
    bad.write.mode("append").parquet(twins.path("parquet"))
    [new] = twins.files("parquet").keys() - files.keys()
    evidence("bad rows Parquet took", len(twins.rows_in([new])), BAD_ROWS, "rows")
    with pytest.raises(PySparkException) as unread:
        twins.parquet().collect()
    mismatch = "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH"
    evidence("who reads the Parquet later", error_class(unread.value), mismatch)
    delete_objects(twins.settings, new)
    with pytest.raises(PySparkException) as refused:
        bad.write.format("delta").mode("append").save(twins.path("delta"))
    evidence("who writes the Delta", error_class(refused.value), "DELTA_FAILED_TO_MERGE_FIELDS")
    evidence("bad rows Delta took", len(twins.rows() - before), 0, "rows")


def test_delta_takes_a_new_column_only_when_asked_and_old_rows_have_null_in_it(
    twins: Twins, evidence: Evidence
) -> None:
    before = twins.rows()
    values = "id AS order_id", "0L AS user_id", "1L AS amount_cents", "'gift' AS note"
    new = twins.session.range(ROWS, ROWS + 1, 1, 1).selectExpr(*values)
    writer = new.write.format("delta").mode("append")
    with pytest.raises(PySparkException, match="mergeSchema"):
        writer.save(twins.path("delta"))
    writer.option("mergeSchema", "true").save(twins.path("delta"))
    notes = twins.table().to_pyarrow_table()["note"].to_pylist()
    evidence("rows with null in the new column", notes.count(None), len(before), "rows")
    evidence("rows with a value in it", len(notes) - notes.count(None), 1, "row")
    assert twins.rows() == before | {(ROWS, 0, 1)}


def test_an_update_rewrites_the_files_it_touches_in_delta_all_of_them_in_parquet(
    twins: Twins, evidence: Evidence
) -> None:
    change = f"SET amount_cents = 1 WHERE order_id < {CHANGED_ROWS}"
    with pytest.raises(PySparkException) as refused:
        twins.sql(f"UPDATE {{parquet}} {change}")
    kind = "UNSUPPORTED_FEATURE.TABLE_OPERATION"
    evidence("UPDATE of Parquet", error_class(refused.value), kind)
    amount = F.when(F.col("order_id") < CHANGED_ROWS, F.lit(1)).otherwise(F.col("amount_cents"))
    rewritten = twins.parquet().withColumn("amount_cents", amount.cast("bigint"))
    rewritten.write.parquet(twins.path("rewritten"))
    before = twins.rows()
    twins.sql(f"UPDATE {{delta}} {change}")
    changed = {(*row[:2], 1) if row[0] < CHANGED_ROWS else row for row in before}
    assert twins.rows() == changed
    metrics = twins.table().history(1)[0]["operationMetrics"]
    in_delta = int(metrics["numUpdatedRows"]) + int(metrics["numCopiedRows"])
    in_parquet = len(twins.rows_in(twins.files("rewritten")))
    evidence("rows Delta wrote to change a thousand", in_delta, ROWS // FILES, "rows")
    evidence("rows Parquet wrote to change a thousand", in_parquet, ROWS, "rows")


def test_one_statement_deletes_a_user_and_only_vacuum_takes_the_bytes(
    twins: Twins, evidence: Evidence
) -> None:
    with pytest.raises(PySparkException):
        twins.sql(f"DELETE FROM {{parquet}} WHERE user_id = {USER}")
    before, version = twins.rows(), twins.table().version()
    theirs = {row for row in before if row[1] == USER}
    twins.sql(f"DELETE FROM {{delta}} WHERE user_id = {USER}")
    assert twins.rows() == before - theirs
    evidence("rows of one user that DELETE took", len(theirs), ROWS // USERS, "rows")
    evidence("of them still in the version before", len(twins.rows(version) & theirs),
             ROWS // USERS, "rows")  # fmt: skip
    twins.table().vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    left = twins.rows_in(twins.files("delta"))
    evidence("of them on the disk after VACUUM", len(left & theirs), 0, "rows")
    with pytest.raises((OSError, FileNotFoundError)):
        twins.rows(version)


def test_a_version_can_be_read_and_restored_as_long_as_its_files_are_kept(
    twins: Twins, evidence: Evidence
) -> None:
    good, version = twins.rows(), twins.table().version()
    twins.sql("UPDATE {delta} SET amount_cents = -1")
    spoiled = len(good - twins.rows())
    evidence("orders a bad UPDATE spoiled", spoiled, len(good), "orders")
    assert twins.rows(version) == good
    twins.table().restore(version)
    evidence("orders wrong after the restore", len(twins.rows() ^ good), 0, "orders")
    history = [commit["operation"] for commit in twins.table().history()]
    evidence("versions in the history", len(history), more_than(2), "versions")


def test_of_two_merges_at_once_delta_refuses_one_and_its_retry_loses_nothing(
    twins: Twins, evidence: Evidence
) -> None:
    expected = applied(applied(twins.rows(), changes(0)), changes(1))
    late = twins.table()  # it read before the other commits
    merge_in_spark(twins, changes(0))
    with pytest.raises(CommitFailedError) as refused:
        merge_in_delta_rs(late, changes(1))
    evidence("the second MERGE", str(refused.value).partition(".")[0])
    merge_in_delta_rs(twins.table(), changes(1))
    evidence("changes of both", len(changes(0)) + len(changes(1)), CHANGES, "changes")
    evidence("rows lost or wrong in Delta", len(twins.rows() ^ expected), 0, "rows")


@pytest.mark.control
def test_of_two_jobs_that_rewrite_parquet_at_once_the_first_one_s_rows_are_lost(
    twins: Twins, evidence: Evidence
) -> None:
    def is_of(job: int) -> Any:
        return (F.col("order_id") < CHANGES) & (F.col("order_id") % 2 == job)

    for job in (0, 1):  # both read the table as it was before either was done
        amount = F.when(is_of(job), F.lit(-1 - job)).otherwise(F.col("amount_cents"))
        whole = twins.parquet().withColumn("amount_cents", amount.cast("bigint"))
        whole.write.mode("overwrite").parquet(twins.path("current"))
    amounts = [row[2] for row in twins.rows_in(twins.files("current"))]
    evidence("changes of the second job in Parquet", amounts.count(-2), CHANGES // 2, "changes")
    evidence("changes of the first job in Parquet", amounts.count(-1), 0, "changes")


def test_rows_cost_the_same_bytes_in_both_delta_adds_its_log_and_its_old_files(
    twins: Twins, evidence: Evidence
) -> None:
    table, stored = twins.table(), twins.sizes("delta")
    in_delta = int(table.history()[-1]["operationMetrics"]["numOutputBytes"])
    data = sum(twins.files("delta").values())
    live = sum(pa.table(table.get_add_actions())["size_bytes"].to_pylist())
    evidence("the same rows, Delta by Parquet",
             in_delta / sum(twins.files("parquet").values()), at_most(1.05))  # fmt: skip
    log = sum(stored.values()) - data
    bytes_of = {"rows of now": live, "old versions": data - live, "log": log}
    evidence.series("what the Delta folder holds after all this", bytes_of, "bytes")
    evidence("log for a hundred bytes of rows", 100 * log / live, more_than(0), "bytes")
    evidence("old versions for a hundred bytes of rows", 100 * (data - live) / live, unit="bytes")
