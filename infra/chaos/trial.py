"""One trial: orders come at a steady rate, a fault strikes, and in the end all is counted."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from random import Random

from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from pyspark.errors import PySparkException
from pyspark.sql import Column
from pyspark.sql import functions as F

from generators.messages import ORDERS, Message
from generators.producer import CONFLUENT, Transport
from generators.publish import send
from generators.run import Defects, Run
from generators.shop import stream
from infra.chaos.faults import FAULTS, SCHEDULER, is_recovered
from infra.native.instance import Instance
from infra.readable import in_bronze, in_mart
from infra.spark.classes import keep_classes
from infra.spark.native import spark_home
from jobs.errors import LakeproofError
from jobs.patience import await_true
from jobs.session import spark
from jobs.settings import Settings
from jobs.topics import end_offsets

DAY = date(2026, 1, 5)
WARM_SEED = 0
MOST_ORDERS = 1_000_000
NO_DEFECTS = Defects.totalling(0)
TRANSPORT = Transport(rate=100, client=CONFLUENT, delivery_seconds=120)
CALM_SECONDS = (2.0, 6.0)
PATIENCE_SECONDS = 600.0
POLL_SECONDS = 0.5  # a look takes a tenth of a processor from what is to recover
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


class Load:
    """Orders at a steady rate in a thread of its own, until it is ended."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.sent: list[str] = []
        self.acked = self.rejected = 0
        self._settings, self._seed = settings, seed
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def start(self) -> None:
        """Nothing; orders come from now on."""
        self._thread.start()

    def end(self) -> None:
        """Nothing, once the fate of every order is known."""
        self._over.set()
        self._thread.join()

    def _send(self) -> None:
        send(self._orders(), f"chaos-{self._seed}", self._settings, TRANSPORT, self._watch)

    def _orders(self) -> Iterator[Message]:
        for message in stream(Run(DAY, MOST_ORDERS, self._seed, NO_DEFECTS)):
            if self._over.is_set():
                return
            if message.topic == ORDERS:
                self.sent.append(json.loads(message.value)["order_id"])
                yield message

    def _watch(self, acked: int, rejected: int) -> None:
        self.acked, self.rejected = acked, rejected


def warm_up(instance: Instance, settings: Settings) -> None:
    """Nothing, once the platform is at work, as a fault finds it: orders have come to the mart, a
    DAG ran through, and Spark has kept its classes for its next start.

    Raises: LakeproofError if it does not come so far.
    """
    load = Load(settings, WARM_SEED)
    load.start()
    try:
        _wait(lambda: in_mart(settings), "no order comes to the mart")
        _wait(lambda: is_recovered(SCHEDULER, settings), "no DAG runs through")
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
    load.start()
    try:
        before = in_bronze(settings)
        _wait(lambda: in_bronze(settings) > before, "no order comes to bronze")
        time.sleep(Random(f"{fault} {seed}").uniform(*CALM_SECONDS))  # the moment is the seed's
        FAULTS[fault].moment(settings)
        struck = time.monotonic()
        FAULTS[fault].strike(instance, settings)
        acked = load.acked
        _wait(lambda: load.acked > acked, "the broker takes no orders")
        in_kafka = _wait(lambda: _in_kafka(settings), "the broker does not say what it has")
        _wait(lambda: in_bronze(settings) >= in_kafka, "bronze does not go on")
        _wait(lambda: is_recovered(fault, settings), "what was struck does not go on")
        recovery = time.monotonic() - struck
    finally:
        load.end()
    due = served + len(load.sent) - load.rejected
    with suppress(LakeproofError):  # what is missing then is counted
        _wait(lambda: in_mart(settings) >= due, "not every order comes to the mart")
    lost, doubled = _settled(load, settings)
    return Outcome(fault, seed, len(load.sent) - load.rejected, lost, doubled, round(recovery, 1))


def _settled(load: Load, settings: Settings) -> tuple[int, int]:
    """Orders lost and doubled, counted again until there are none or patience is at its end."""
    found: list[tuple[int, int]] = []

    def is_balanced() -> bool:
        found.append(_counted(load, settings))
        return found[-1] == (0, 0)

    try:
        _wait(is_balanced, "the tables do not come to rest")
    except LakeproofError:
        if not found:
            raise
    return found[-1]


def _counted(load: Load, settings: Settings) -> tuple[int, int]:
    session, ours = spark(settings), load.sent[0].rpartition("-")[0] + "-"

    def ids(table: str, column: Column) -> Counter[str]:
        rows = session.read.format("delta").load(settings.table_path(table))
        found = rows.select(column.alias("id")).where(F.col("id").startswith(ours))
        return Counter(row[0] for row in found.collect())

    bronze = ids("bronze.orders", F.get_json_object(F.col("value").cast("string"), "$.order_id"))
    silver = ids("silver.orders", F.col("order_id"))
    lost, doubled = difference(load.sent, bronze, silver, load.rejected)
    served = in_mart(settings)
    everywhere = session.read.format("delta").load(settings.table_path("silver.orders")).count()
    return lost + max(0, everywhere - served), doubled + max(0, served - everywhere)


def difference(
    sent: list[str], bronze: Counter[str], silver: Counter[str], rejected: int
) -> tuple[int, int]:
    """Orders missing from silver, beyond those the broker did not take, and records too many."""
    due = Counter(sent)
    missing = (due - bronze) | (due - silver)
    too_many = (bronze - due).total() + (silver - due).total()
    return max(0, missing.total() - rejected), too_many


def _in_kafka(settings: Settings) -> int:
    return sum(end_offsets(settings, settings.topic(ORDERS)).values())


def _wait(read: Callable[[], int], what: str) -> int:
    """What is read, once it is not 0 or False.

    Raises: LakeproofError if that is not so within the patience.
    """

    def late(cause: Exception | None) -> LakeproofError:
        return LakeproofError(f"{what} within {PATIENCE_SECONDS:.0f} s: {cause or 'no'}")

    return await_true(read, PATIENCE_SECONDS, late, POLL_SECONDS, NOT_YET)
