"""What comes by Kafka is strange: sent again, late, by a wrong clock, of another shape, or gone
before anybody read it. What is good of it must arrive, what is not be refused or written down."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from kafka import TopicPartition

from generators.defects import SPOILERS
from generators.messages import ORDERS, Message
from infra.chaos.load import DAY, Target
from infra.chaos.waiting import await_count
from infra.readable import in_bronze, in_kafka
from jobs.errors import LakeproofError
from jobs.lost import give_up
from jobs.stream import control
from jobs.topics import admin, end_offsets

Fields = dict[str, Any]
Change = Callable[[Fields], Fields]

REPEATS = 9
LATE_DAYS = 30
SKEW = timedelta(days=2)
ORDERS_OF_A_DAY = 10
LEAST_UNREAD = 200
TABLE = "bronze.orders"


def send_again(target: Target) -> None:
    """Every order of the trial so far nine times more, at once."""
    target.load.send(target.load.sent * REPEATS)


def send_late(target: Target) -> None:
    """Orders of each of the thirty days before, mixed: each belongs into its own day."""
    days = [DAY - timedelta(days=back) for back in range(1, LATE_DAYS + 1)]
    late = [order for day in days for order in target.load.messages(day, ORDERS_OF_A_DAY)]
    Random(target.load.seed).shuffle(late)
    target.load.send(late)


def skew_clocks(target: Target) -> None:
    """Orders by clocks that are two days slow, which count; two days fast, or in 2099."""
    load, now = target.load, datetime.now(UTC)
    load.send(load.messages((now - SKEW).date(), ORDERS_OF_A_DAY))
    load.send(load.messages((now + SKEW).date(), ORDERS_OF_A_DAY), are_refused=True)
    in_2099 = SPOILERS[ORDERS]["far_future"]
    orders = load.messages(DAY + timedelta(days=1), ORDERS_OF_A_DAY)
    broken = [order._replace(value=in_2099(order.value, 0)) for order in orders]
    load.send(broken, are_refused=True)


def change_schema(target: Target) -> None:
    """Orders with a new field, which pass; with one dropped, renamed or of another type."""
    load = target.load
    for days, (change, is_breaking) in enumerate(CHANGES, start=1):
        orders = load.messages(DAY + timedelta(days=days), ORDERS_OF_A_DAY)
        load.send([_changed(order, change) for order in orders], are_refused=is_breaking)


def delete_unread(target: Target) -> None:
    """Kafka deletes orders while the stream is stopped; it must not go on behind them until
    somebody writes down that they are lost.

    Raises: LakeproofError if it goes on, or if others are written down than were deleted.
    """
    settings, topic = target.settings, target.settings.topic(ORDERS)
    control.want(settings, "stopped")
    at_stop = in_kafka(settings)
    enough = at_stop + LEAST_UNREAD
    await_count(settings, lambda: in_kafka(settings), enough, "orders that nobody reads")
    client, ends = admin(settings), end_offsets(settings, topic)
    client.delete_records({TopicPartition(topic, int(n)): at for n, at in ends.items()})
    client.close()
    with suppress(LakeproofError):  # it is to refuse, and says so in its state
        control.want(settings, "running", patience_seconds=0)

    def missing_count() -> int:
        return sum(ends.values()) - in_bronze(settings)

    await_count(  # a batch that was under way when the stream was stopped may still land some
        settings,
        lambda: f"deleted {missing_count():,} records" in control.status(settings).state,
        due=1,
        what=f"the stream to say how many records of {topic} were deleted",
    )
    deleted = missing_count()
    written_down = give_up(settings, TABLE).counts["lost"]
    if written_down != deleted:
        raise LakeproofError(f"{deleted} records were deleted, {written_down} written down")
    target.load.given_up += deleted


def _changed(order: Message, change: Change) -> Message:
    return order._replace(value=json.dumps(change(json.loads(order.value))).encode())


def _without(field: str, fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name != field}


CHANGES: tuple[tuple[Change, bool], ...] = (
    (lambda order: {**order, "coupon": "SPRING"}, False),
    (lambda order: _without("currency", order), True),
    (lambda order: {**_without("total_cents", order), "total": order["total_cents"]}, True),
    (lambda order: {**order, "total_cents": str(order["total_cents"])}, True),
)
