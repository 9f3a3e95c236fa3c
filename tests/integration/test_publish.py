"""Publishing against a real broker and store: what was acknowledged is what consumers read."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from time import monotonic
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from generators.checksum import Tally
from generators.landing import files
from generators.messages import CLICKS, ORDERS, PAYMENTS, TOPICS, Message
from generators.producer import CLIENTS, CONFLUENT, KAFKA_PYTHON, Transport
from generators.publish import publish, send
from generators.run import Run
from generators.truth import tally_of
from jobs.errors import LakeproofError, LedgerError
from jobs.registry import schema_ids
from jobs.session import object_store
from jobs.settings import Settings

pytestmark = pytest.mark.integration

RUN = Run(date(2026, 1, 5), 400, 7)
READ_SECONDS = 60.0

# Partition, key, headers, value: all of a record but where and when the broker put it.
Stored = tuple[int, bytes | None, tuple[tuple[str, bytes], ...], bytes]
Reader = Callable[[str], list[Stored]]


@pytest.fixture
def read(namespace_settings: Settings) -> Iterator[Reader]:
    """Reads what a topic of the namespace holds beyond what was read before."""
    consumer = KafkaConsumer(
        bootstrap_servers=namespace_settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    positions: dict[TopicPartition, int] = {}

    def read_new(topic: str) -> list[Stored]:
        name = namespace_settings.topic(topic)
        partitions = [TopicPartition(name, n) for n in consumer.partitions_for_topic(name)]
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, positions.get(partition, 0))
        ends = consumer.end_offsets(partitions)
        records = _poll_until(consumer, ends)
        positions.update(ends)
        return records

    yield read_new
    consumer.close()


def _poll_until(consumer: Any, ends: dict[TopicPartition, int]) -> list[Stored]:
    stored: list[Stored] = []
    deadline = monotonic() + READ_SECONDS
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        assert monotonic() < deadline, f"the records up to {ends} were not readable in time"
        for records in consumer.poll(timeout_ms=500).values():
            stored += [(r.partition, r.key, tuple(r.headers), r.value) for r in records]
    return stored


@pytest.mark.parametrize("client", CLIENTS)
def test_consumers_read_what_the_broker_acknowledged(
    client: str, namespace_settings: Settings, read: Reader
) -> None:
    published = publish(RUN, namespace_settings, Transport(client=client))
    for topic in TOPICS:
        stored = tally_of(value for *_, value in read(topic))
        assert published.ledger.topics[topic].produced == stored
        assert published.ledger.topics[topic].acked == stored
        assert published.ledger.topics[topic].rejected == Tally()
        assert published.truth.produced(topic) == stored


def test_both_clients_write_the_same_records_to_the_same_partitions(
    namespace_settings: Settings, read: Reader
) -> None:
    publish(RUN, namespace_settings, Transport(client=KAFKA_PYTHON))
    by_kafka_python = {topic: read(topic) for topic in TOPICS}
    publish(RUN, namespace_settings, Transport(client=CONFLUENT, lz4=True))
    by_confluent = {topic: read(topic) for topic in TOPICS}
    for topic in TOPICS:
        assert _by_partition(by_kafka_python[topic]) == _by_partition(by_confluent[topic])
        assert len({partition for partition, *_ in by_confluent[topic]}) > 1


def _by_partition(stored: list[Stored]) -> list[Stored]:
    """Partition by partition; within each, in the order of the broker."""
    return sorted(stored, key=lambda record: record[0])


def test_every_record_carries_the_customer_as_key_the_run_and_the_schema(
    namespace_settings: Settings, read: Reader
) -> None:
    message = Message(ORDERS, b"c-000001", b'{"order_id":"o-1"}')
    send([message], "shop-x", namespace_settings, Transport(client=CONFLUENT))
    [(_, key, headers, value)] = read(ORDERS)
    schema_id = schema_ids(namespace_settings, [ORDERS])[ORDERS]
    carried = (("run_id", b"shop-x"), ("schema_id", b"%d" % schema_id))
    assert (key, headers, value) == (message.key, carried, message.value)


@pytest.mark.parametrize("client", CLIENTS)
def test_what_the_broker_refuses_is_rejected_with_its_reason(
    client: str, namespace_settings: Settings, read: Reader
) -> None:
    too_large = Message(ORDERS, b"c-000001", b"x" * 3_000_000)
    fits = Message(ORDERS, b"c-000001", b"y")
    messages = [fits, too_large, fits]
    ledger = send(messages, "shop-x", namespace_settings, Transport(client=client))
    orders = ledger.topics[ORDERS]
    assert orders.produced == tally_of([b"y", too_large.value, b"y"])
    assert orders.acked == tally_of([b"y", b"y"]) == tally_of(v for *_, v in read(ORDERS))
    assert orders.rejected == tally_of([too_large.value])
    with pytest.raises(LedgerError, match="1 of 3 to orders .*larg"):
        ledger.require_all_acked()


def test_a_rate_spreads_the_messages_over_time(namespace_settings: Settings) -> None:
    messages = [Message(CLICKS, b"c-000001", b"{}")] * 40
    start = monotonic()
    ledger = send(messages, "shop-x", namespace_settings, Transport(rate=20))
    assert monotonic() - start >= 39 / 20
    assert ledger.acked_count == 40


def test_a_missing_topic_is_named_and_nothing_is_created(namespace_settings: Settings) -> None:
    elsewhere = replace(namespace_settings, namespace=f"absent{uuid.uuid4().hex[:8]}")
    for _ in range(2):
        with pytest.raises(LakeproofError, match=rf"{elsewhere.topic(PAYMENTS)}.*make up"):
            publish(RUN, elsewhere)


def test_landing_files_are_in_the_store_byte_for_byte(namespace_settings: Settings) -> None:
    publish(RUN, namespace_settings)
    store = object_store(namespace_settings)
    for file in files(RUN.day, RUN.seed):
        key = namespace_settings.object_key(file.key)
        response = store.get_object(namespace_settings.s3_bucket, key)
        assert response.read() == file.data
        response.close()
        response.release_conn()


def test_a_missing_bucket_is_named(namespace_settings: Settings) -> None:
    elsewhere = replace(namespace_settings, s3_bucket="no-such-bucket")
    with pytest.raises(LakeproofError, match="no-such-bucket.*NoSuchBucket"):
        publish(RUN, elsewhere)
