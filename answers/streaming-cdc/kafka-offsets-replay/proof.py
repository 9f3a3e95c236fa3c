"""A group that stops, resumes and goes back; a table that is made again from the topic."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import OffsetSpec, OffsetTimestamp

from answers.evidence import Evidence, more_than
from answers.labs.kafka import create_topic, member, producer, read_all, send, take
from jobs import delta
from jobs.objects import delete_objects
from jobs.serve import lake_content
from jobs.session import spark
from jobs.settings import Settings
from jobs.specs import find_spec
from jobs.together import bring_up_to_date
from jobs.topics import admin

ORDERS = 1_000
READ_BEFORE_STOP = 400
SECONDS_APART = 1
WANTED_SECONDS = 300  # of the youngest orders, in the replay by time
GROUP = "billing"
BRONZE, SILVER = "bronze.orders", "silver.orders"
WORK = 10  # messages of which one makes the worker crash
CRASH_AT = 4


def order(number: int) -> tuple[bytes, bytes]:
    """A good order of the shop, keyed by its customer."""
    line = {"line_number": 1, "product_id": "p-1", "quantity": 1, "unit_price_cents": number}
    key = f"c-{number % 50}"
    value = {
        "order_id": f"o-{number}",
        "customer_id": key,
        "ordered_at": f"2026-01-05T10:{number // 60:02}:{number % 60:02}.000Z",
        "currency": "EUR",
        "items": [line],
        "total_cents": number,
    }
    return key.encode(), json.dumps(value).encode()


@dataclass(frozen=True)
class Log:
    """The shop's topic of orders, which happened one after the other."""

    topic: str
    places: list[TopicPartition]
    began_at_ms: int
    values: list[bytes]

    @property
    def group(self) -> str:
        """The full name of the group that reads it."""
        return f"{self.topic}.{GROUP}"


@pytest.fixture(scope="module")
def log(settings: Settings) -> Log:
    topic, values = settings.topic("orders"), []
    began_at_ms = int(time.time() * 1000) - ORDERS * SECONDS_APART * 1000
    with closing(producer(settings)) as client:
        for number in range(ORDERS):
            (key, value), at_ms = order(number), began_at_ms + number * SECONDS_APART * 1000
            client.send(topic, value, key, timestamp_ms=at_ms)
            values.append(value)
        places = [TopicPartition(topic, n) for n in sorted(client.partitions_for(topic))]
    return Log(topic, places, began_at_ms, values)


def committed(settings: Settings, log: Log) -> dict[int, int]:
    """The group's offset in each partition, as the broker keeps it."""
    with closing(admin(settings)) as client:
        found = client.list_group_offsets({log.group: log.places})[log.group]
    return {place.partition: max(kept.offset, 0) for place, kept in found.items()}


def set_back(settings: Settings, log: Log, to: Any) -> None:
    """Nothing; the group, of which nobody is there, goes on at another place."""
    with closing(admin(settings)) as client:
        client.reset_group_offsets(log.group, dict.fromkeys(log.places, to))


def read(settings: Settings, log: Log, count: int) -> list[Any]:
    """So many records by a member that commits them and leaves."""
    with closing(member(settings, log.topic, GROUP)) as consumer:
        records = take(consumer, count)
        consumer.commit()
        return records


def sorted_values(records: list[Any]) -> list[bytes]:
    return sorted(record.value for record in records)


def test_each_message_has_a_position_counted_from_zero_without_gaps(
    evidence: Evidence, settings: Settings, log: Log
) -> None:
    offsets: dict[int, list[int]] = {}
    for record in read_all(settings, log.topic):
        offsets.setdefault(record.partition, []).append(record.offset)
    assert all(found == list(range(len(found))) for found in offsets.values())
    evidence("positions in all partitions", sum(map(len, offsets.values())), ORDERS, "positions")
    rows = [(n, found[0], found[-1]) for n, found in sorted(offsets.items())]
    evidence.table("positions", ("partition", "first offset", "last offset"), rows)


def test_a_consumer_that_stopped_resumes_with_nothing_lost_and_nothing_repeated(
    evidence: Evidence, settings: Settings, log: Log
) -> None:
    before = read(settings, log, READ_BEFORE_STOP)
    stopped_at = committed(settings, log)
    evidence("committed when it stopped", sum(stopped_at.values()), READ_BEFORE_STOP, "messages")
    after = read(settings, log, ORDERS - READ_BEFORE_STOP)
    for partition, at in stopped_at.items():
        offsets = [record.offset for record in after if record.partition == partition]
        assert offsets == list(range(at, at + len(offsets)))
    both = sorted_values(before + after)
    evidence("lost by the restart", len(set(log.values) - set(both)), 0, "messages")
    evidence("repeated by the restart", len(both) - len(set(both)), 0, "messages")
    assert both == sorted(log.values)


def test_a_group_set_back_to_the_earliest_offset_reads_everything_again(
    evidence: Evidence, settings: Settings, log: Log
) -> None:
    set_back(settings, log, OffsetSpec.EARLIEST)
    again = read(settings, log, ORDERS)
    evidence("read again from the beginning", len(again), ORDERS, "messages")
    assert sorted_values(again) == sorted(log.values)


def test_a_group_set_back_to_a_time_reads_what_happened_since(
    evidence: Evidence, settings: Settings, log: Log
) -> None:
    first = ORDERS - WANTED_SECONDS // SECONDS_APART
    set_back(settings, log, OffsetTimestamp(log.began_at_ms + first * SECONDS_APART * 1000))
    since = read(settings, log, ORDERS - first)
    evidence("read again from a time on", len(since), ORDERS - first, "messages")
    assert sorted_values(since) == sorted(log.values[first:])
    assert sum(committed(settings, log).values()) == ORDERS


def test_kafka_keeps_the_offsets_in_a_topic_but_it_is_the_consumer_that_commits(
    evidence: Evidence, settings: Settings, log: Log
) -> None:
    def told() -> int:
        records = read_all(settings, "__consumer_offsets")
        return sum(log.group.encode() in record.key and bool(record.value) for record in records)

    set_back(settings, log, OffsetSpec.EARLIEST)
    before, at = told(), committed(settings, log)
    evidence("records of the group in the topic of offsets", before, more_than(0), "records")
    with closing(member(settings, log.topic, GROUP)) as silent:
        assert sorted_values(take(silent, ORDERS)) == sorted(log.values)
    evidence("offsets moved by reading alone", int(committed(settings, log) != at), 0)
    read(settings, log, ORDERS)
    assert sum(committed(settings, log).values()) == ORDERS
    evidence("records it has after a commit", told(), more_than(before), "records")


def content(settings: Settings) -> tuple[int, str]:
    """Rows and checksum of the silver table as it is now."""
    rows = spark(settings).read.format("delta").load(settings.table_path(SILVER))
    return lake_content(rows, find_spec(SILVER))


def test_a_spoiled_silver_table_is_made_again_from_the_topic_to_the_same_checksum(
    evidence: Evidence, settings: Settings, log: Log
) -> None:
    list(bring_up_to_date((BRONZE, SILVER), settings))
    original = content(settings)
    path = delta.ref(settings.table_path(SILVER))
    spark(settings).sql(f"UPDATE {path} SET total_cents = total_cents * 100").collect()
    spoiled = content(settings)
    for table in (BRONZE, SILVER):
        delete_objects(settings, f"{settings.object_key(table.replace('.', '/'))}/")
    list(bring_up_to_date((BRONZE, SILVER), settings))
    rebuilt = content(settings)
    evidence("checksum of the spoiled table", spoiled[1])
    assert spoiled[1] != original[1]
    evidence("checksum of the rebuilt table", rebuilt[1], original[1])
    evidence("rows of the rebuilt table", rebuilt[0], ORDERS, "rows")


class Crashed(Exception):
    """The worker died in the middle of a batch."""


def commit_first(consumer: Any, done: list[bytes]) -> None:
    """Records handled after their offsets were committed, the crash in between."""
    records = take(consumer, WORK)
    consumer.commit()
    work(records, done)


def commit_last(consumer: Any, done: list[bytes]) -> None:
    """Records handled, and the crash before their offsets were committed."""
    work(take(consumer, WORK), done)
    consumer.commit()


def work(records: list[Any], done: list[bytes]) -> None:
    """The first attempt handles some records and dies; the next one handles all it is given."""
    is_first_attempt = not done
    for number, record in enumerate(records):
        if is_first_attempt and number == CRASH_AT:
            raise Crashed
        done.append(record.value)


def after_a_crash(
    settings: Settings, name: str, step: Callable[..., None]
) -> tuple[list[bytes], list[bytes]]:
    """What was sent, and what was handled by a worker that crashed and was started again."""
    topic = create_topic(settings, name)
    send(settings, topic, [(None, b"%d" % number) for number in range(2 * WORK)])
    done: list[bytes] = []
    with closing(member(settings, topic, GROUP)) as first, pytest.raises(Crashed):
        step(first, done)
    with closing(member(settings, topic, GROUP)) as second:
        while b"%d" % (2 * WORK - 1) not in done:
            step(second, done)
    return [record.value for record in read_all(settings, topic)], done


@pytest.mark.control
def test_committing_before_the_work_loses_messages_in_a_crash(
    evidence: Evidence, settings: Settings
) -> None:
    sent, done = after_a_crash(settings, "before", commit_first)
    evidence("lost by committing first", len(set(sent) - set(done)), WORK - CRASH_AT, "messages")
    evidence("repeated by committing first", len(done) - len(set(done)), 0, "messages")


@pytest.mark.control
def test_committing_after_the_work_repeats_messages_in_a_crash(
    evidence: Evidence, settings: Settings
) -> None:
    sent, done = after_a_crash(settings, "after", commit_last)
    evidence("lost by committing last", len(set(sent) - set(done)), 0, "messages")
    evidence("repeated by committing last", len(done) - len(set(done)), CRASH_AT, "messages")
