"""Shipments are being merged when Spark dies: the table is as it was, and run again it is whole."""

import json
from collections import Counter
from contextlib import suppress
from threading import Thread

from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from generators.messages import SHIPMENTS, Message
from generators.publish import send
from infra.chaos.load import AT_ONCE, DAY, Target
from infra.chaos.processes import process_of
from infra.chaos.waiting import await_count, await_moment
from infra.readable import in_bronze, in_kafka, rows_of
from jobs.commits import latest_version
from jobs.errors import LakeproofError
from jobs.objects import keys
from jobs.run import run
from jobs.settings import Settings

BRONZE, TABLE = "bronze.shipments", "silver.shipments"
ORDERS_COUNT = 2000
MERGES = 4


def a_merge_has_written(target: Target) -> None:
    """Nothing, when a merge into the table has written a file that no commit tells of yet: Spark
    stands still then, and is to be killed.

    Raises: LakeproofError if no merge writes a file, or each is through first.
    """
    reports = _reports(target)
    size = len(reports) // (MERGES + 1)
    _land(reports[:size], target.settings)
    run(TABLE, target.settings)
    for first in range(size, len(reports), size):
        _land(reports[first : first + size], target.settings)
        if _stands_still_merging(target):
            return
    raise LakeproofError(f"each merge into {TABLE} was through before Spark was stopped")


def require_shipments(target: Target) -> None:
    """Nothing, if the merge left undone what a run now does: each shipment of which a report
    landed is there once, as it was last reported.

    Raises: LakeproofError if the merge was through before it was struck, or one is not so.
    """
    if not run(TABLE, target.settings).counts:
        raise LakeproofError(f"the merge into {TABLE} was through before Spark was killed")
    landed = {bytes(row["value"]) for row in rows_of(target.settings, BRONZE).collect()}
    told = [json.loads(report.value) for report in _reports(target) if report.value in landed]
    last = {report["shipment_id"]: report for report in sorted(told, key=_updated_at)}
    due = Counter((report["shipment_id"], report["status"]) for report in last.values())
    rows = rows_of(target.settings, TABLE).where(F.col("shipment_id").isin(list(last))).collect()
    found = Counter((row["shipment_id"], row["status"]) for row in rows)
    if found != due:
        raise LakeproofError(
            f"{TABLE}: of {len(due)} shipments {(due - found).total()} are not there as they were "
            f"last reported, {(found - due).total()} otherwise or again"
        )


def _land(reports: list[Message], settings: Settings) -> None:
    """Nothing, once the stream has landed them."""
    send(reports, f"chaos-{TABLE}", settings, AT_ONCE)
    taken = in_kafka(settings, SHIPMENTS)
    what = f"{taken} messages of {SHIPMENTS} to come to bronze"
    await_count(settings, lambda: in_bronze(settings, SHIPMENTS), taken, what)


def _stands_still_merging(target: Target) -> bool:
    """Whether Spark was stopped between a merge's first file and its commit; else it goes on."""
    settings, spark = target.settings, process_of("spark", target)
    path = settings.table_path(TABLE)
    before, version = _files(settings), latest_version(settings, path)
    merging = Thread(target=_run_to_its_end, args=(settings,))
    merging.start()
    await_moment(settings, lambda: _files(settings) - before, f"a merge into {TABLE} to write")
    spark.suspend()
    if latest_version(settings, path) == version:
        return True
    spark.resume()
    merging.join()
    return False


def _run_to_its_end(settings: Settings) -> None:
    with suppress(PySparkException, LakeproofError):  # it is to be killed
        run(TABLE, settings)


def _reports(target: Target) -> list[Message]:
    return target.load.messages(DAY, ORDERS_COUNT, SHIPMENTS)


def _updated_at(report: dict[str, str]) -> str:
    return report["updated_at"]


def _files(settings: Settings) -> set[str]:
    """The table's data files, Delta's own left out."""
    found = keys(settings, settings.object_key("silver/shipments/"))
    return {key for key in found if key.endswith(".parquet") and "/_delta_log/" not in key}
