"""`make months`: months of the shop, and every mart equal to the truth after all that befalls them.

Normal runs twice a month, a backfill, a replay of every topic from its first record, a rebuild from
bronze: after each, every mart is compared with what the generators know they produced.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from generators.history import FIRST_DAY, remember, runs
from generators.messages import TOPICS
from generators.progress import shown
from generators.publish import publish
from generators.run import Run
from infra.demo.reconcile import verdicts
from jobs.backfill import backfill
from jobs.errors import LakeproofError, LedgerError
from jobs.namespace import namespace
from jobs.patience import STILL_SECONDS
from jobs.rebuild import rebuild
from jobs.serve import serve
from jobs.settings import Settings, load_settings
from jobs.specs import load_specs
from jobs.together import bring_up_to_date
from jobs.topics import end_offsets

DAYS = 90
ORDERS = 100
SEED = 7
DAYS_PER_RUN = 15
BACKFILLED_DAYS = 7


def main() -> None:
    """Nothing; every mart was equal to the truth after every step.

    Raises: SystemExit with the first difference, or what failed and how to mend it.
    """
    days = int(os.environ.get("DAYS") or DAYS)
    orders = int(os.environ.get("ORDERS") or ORDERS)
    try:
        with namespace(load_settings(), "months") as settings:
            steps: dict[str, Callable[[], None]] = {
                f"{days} days of {orders} orders, run by run": lambda: _live(
                    settings, days, orders
                ),
                f"backfill of {BACKFILLED_DAYS} days": lambda: _backfill(settings, days),
                "replay of every topic from offset 0": lambda: replay(settings),
                "rebuild of silver and gold from bronze": lambda: _rebuild(settings),
            }
            for name, step in steps.items():
                started = time.monotonic()
                step()
                _require_truth(settings)
                print(f"equal    {name}   {time.monotonic() - started:.0f} s", flush=True)
    except LakeproofError as error:
        sys.exit(f"\nerror: {error}")
    print("\nEvery mart equals the truth to the cent after each step.")


def bring_all_up_to_date(settings: Settings) -> None:
    """Nothing; every table has what is new, and every mart is served."""
    tables = load_specs()
    with shown(len(tables), "tables brought up to date") as watch:
        for count, _ in enumerate(bring_up_to_date(tables, settings), start=1):
            watch(count, 0)


def _live(settings: Settings, days: int, orders: int) -> None:
    for first in range(0, days, DAYS_PER_RUN):
        numbers = range(first, min(first + DAYS_PER_RUN, days))
        with shown(len(numbers), "days published") as watch:
            for done, number in enumerate(numbers, start=1):
                day = FIRST_DAY + timedelta(days=number)
                remember(publish(Run(day, orders, SEED), settings), settings)
                watch(done, 0)
        bring_all_up_to_date(settings)
        print(f"         up to {day}", flush=True)


def _backfill(settings: Settings, days: int) -> None:
    for number in range(min(BACKFILLED_DAYS, days)):
        day: date = FIRST_DAY + timedelta(days=number)
        for _ in backfill(day, settings):
            pass
    for table, spec in load_specs().items():
        if spec.serve:
            serve(table, settings)


def replay(settings: Settings) -> None:
    """Nothing; every record of every topic was produced once more, and the tables know of it.

    The copies carry no run id: they are nobody's deliveries.
    Raises: LedgerError if a topic gave fewer records than its offsets promise.
    """
    for topic in map(settings.topic, TOPICS):
        ends = {
            TopicPartition(topic, int(partition)): end
            for partition, end in end_offsets(settings, topic).items()
        }
        copied = _copy(settings, ends)
        if copied != sum(ends.values()):
            raise LedgerError(f"{topic} holds {sum(ends.values())} records, {copied} were replayed")
    bring_all_up_to_date(settings)


def _copy(settings: Settings, ends: dict[TopicPartition, int]) -> int:
    """How many records below the ends were produced again."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, enable_auto_commit=False
    )
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    consumer.assign(list(ends))
    consumer.seek_to_beginning()
    copied, moved = 0, time.monotonic()
    while any(consumer.position(place) < end for place, end in ends.items()):
        if time.monotonic() > moved + STILL_SECONDS:
            break
        for place, records in consumer.poll(timeout_ms=500).items():
            moved = time.monotonic()
            for record in records:
                if record.offset < ends[place]:
                    producer.send(place.topic, key=record.key, value=record.value)
                    copied += 1
    producer.flush()
    producer.close()
    consumer.close()
    return copied


def _rebuild(settings: Settings) -> None:
    tables = [spec.name for spec in load_specs().values() if spec.layer != "bronze"]
    replaced = [done.table for done in rebuild(settings, tables) if not done.is_identical]
    if replaced:
        raise LedgerError(f"the rebuild came to other rows in {', '.join(replaced)}")


def _require_truth(settings: Settings) -> None:
    """Nothing, if every mart equals the truth.

    Raises: LedgerError with the first difference of each mart that does not.
    """
    found = verdicts(runs(settings), settings)
    differing = [str(verdict.differences[0]) for verdict in found if verdict.differences]
    if differing:
        raise LedgerError("a mart is not the truth:\n" + "\n".join(differing))
    for verdict in found:
        print(
            f"         {verdict.mart:<24}{verdict.groups_count:>9,} groups  "
            f"{verdict.column} {verdict.found:,}",
            flush=True,
        )


if __name__ == "__main__":
    main()
