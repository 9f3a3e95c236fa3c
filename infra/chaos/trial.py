"""One trial: orders come at a steady rate, a fault strikes, and in the end all is counted."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from pyspark.errors import PySparkException

from infra.chaos.faults import FAULTS, SCHEDULER, is_recovered
from infra.chaos.load import Load, Places, Target
from infra.chaos.waiting import await_count
from infra.native.instance import Instance
from infra.readable import in_bronze, in_kafka, in_mart, rows_of
from infra.spark.classes import keep_classes
from infra.spark.native import spark_home
from jobs import commits
from jobs.errors import LakeproofError
from jobs.settings import Settings

WARM_SEED = 0
CALM_SECONDS = (2.0, 6.0)
ID_IN = "get_json_object(cast({} AS string), '$.order_id')"
NOT_YET = (LakeproofError, PySparkException, DatabaseError, OperationalError)


@dataclass(frozen=True)
class Outcome:
    """What a fault cost. `recovery_seconds` went by from the fault until an order that the broker
    took after it was readable in bronze."""

    fault: str
    seed: int
    acked: int
    lost: int
    doubled: int
    recovery_seconds: float

    @property
    def is_balanced(self) -> bool:
        """Whether every order is there once."""
        return not (self.lost or self.doubled)


def warm_up(instance: Instance, settings: Settings) -> None:
    """Nothing, once the platform is at work, as a fault finds it: orders have come to the mart, a
    DAG ran through, and Spark has kept its classes for its next start.

    Raises: LakeproofError if it does not come so far.
    """
    load = Load(settings, WARM_SEED)
    load.start()
    try:
        _wait(settings, lambda: in_mart(settings), "an order to come to the mart")
        _wait(settings, lambda: is_recovered(SCHEDULER, settings), "a DAG to run through")
    finally:
        load.end()
    keep_classes(instance, spark_home())


def trial(fault: str, seed: int, instance: Instance, settings: Settings) -> Outcome:
    """What became of the orders around one fault.

    Raises: LakeproofError if the platform does not come back.
    """
    # A seed of the shop for each trial: its orders' ids are its own.
    load = Load(settings, 1000 * seed + list(FAULTS).index(fault))
    served = in_mart(settings)
    target, steps = Target(instance, settings, load), FAULTS[fault]
    load.start()
    try:
        before = in_bronze(settings)
        _wait(settings, lambda: in_bronze(settings), "an order to come to bronze", before + 1)
        time.sleep(Random(f"{fault} {seed}").uniform(*CALM_SECONDS))  # the moment is the seed's
        steps.moment(target)
        struck = time.monotonic()
        steps.strike(target)
        acked = load.acked
        _wait(settings, lambda: load.acked, "the broker to take orders", acked + 1)
        taken = _wait(settings, lambda: in_kafka(settings), "the broker to say what it has")
        _wait(settings, lambda: in_bronze(settings), "bronze to go on", taken)
        _wait(settings, lambda: is_recovered(fault, settings), "what was struck to go on")
        recovery = time.monotonic() - struck
    finally:
        load.end()
    steps.check(target)
    due = load.due()
    served_due = served + due.silver.total() - load.rejected - load.given_up
    with suppress(LakeproofError):  # what is missing then is counted
        _wait(settings, lambda: in_mart(settings), "every order to come to the mart", served_due)
    lost, doubled = _settled(load, due, settings)
    return Outcome(fault, seed, load.taken_count, lost, doubled, round(recovery, 1))


def _settled(load: Load, due: Places, settings: Settings) -> tuple[int, int]:
    """Orders lost and doubled, counted again until there are none or they stay the same."""
    found: list[tuple[int, int]] = []

    def wrong_count() -> int:
        served = in_mart(settings)
        lost, doubled = difference(due, _found(load.seed, settings), load.rejected + load.given_up)
        # The mart has no ids, so it must have as many orders as silver.
        in_silver = rows_of(settings, "silver.orders").count()
        found.append((lost + max(0, in_silver - served), doubled + max(0, served - in_silver)))
        return sum(found[-1])

    try:
        _wait(settings, lambda: -wrong_count(), "each order to be there once", 0)
    except LakeproofError:
        if not found:
            raise
    return found[-1]


def _found(seed: int, settings: Settings) -> Places:
    """How often each order of a load is in each place."""

    def ids(table: str, order_id: str) -> Counter[str]:
        if not commits.exists(settings, settings.table_path(table)):
            return Counter()  # a quarantine is made with the first row that is refused
        rows = rows_of(settings, table).selectExpr(f"{order_id} AS id")
        ours = rows.where(f"split(id, '-')[2] = '{seed}'")
        return Counter(row["id"] for row in ours.collect())

    return Places(
        bronze=ids("bronze.orders", ID_IN.format("value")),
        silver=ids("silver.orders", "order_id"),
        quarantine=ids("quarantine.silver.orders", ID_IN.format("raw")),
    )


def difference(due: Places, found: Places, allowed_count: int) -> tuple[int, int]:
    """Orders missing somewhere, beyond those of which it is known, and records too many."""
    missing: Counter[str] = Counter()
    for wanted, there in zip(due, found, strict=True):
        missing |= wanted - there
    too_many = sum((there - wanted).total() for wanted, there in zip(due, found, strict=True))
    return max(0, missing.total() - allowed_count), too_many


def _wait(settings: Settings, read: Callable[[], int], what: str, due: int = 1) -> int:
    return await_count(settings, read, due, what, NOT_YET)
