"""What three brokers promise: of leaders that die, of acks, transactions, groups and old records.

Source: Kafka's ducktape suite (replication_test.py, transactions_test.py) asks the same of it.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import OffsetOutOfRangeError

from answers.labs import kafka as labs
from jobs import topics
from jobs.errors import ServiceDown
from tests.integration.cluster import GROUP, Cluster, Load, cluster
from tests.integration.services import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.apart]

HOUR_MS = 3_600_000
MANY = [b"%d" % number for number in range(200)]


@pytest.fixture(scope="module")
def kafka() -> Iterator[Cluster]:
    with cluster() as found:
        # Usually a broker looks each 15 s for what can be compacted or deleted.
        found.set_on_brokers({"log.cleaner.backoff.ms": "100"})
        yield found


def produce(kafka: Cluster, topic: str, *values: bytes, hours_ago: int = 0) -> None:
    """Values, each acknowledged and its own key, to the partitions in turn."""
    now_ms = int(time.time() * 1000)
    producer = KafkaProducer(bootstrap_servers=kafka.settings.kafka_bootstrap_servers)
    with closing(producer):
        count = len(producer.partitions_for(topic))
        for number, value in enumerate(values):
            at_ms = now_ms - hours_ago * HOUR_MS
            producer.send(topic, value, value, partition=number % count, timestamp_ms=at_ms)


def member(kafka: Cluster, topic: str, **options: Any) -> KafkaConsumer:
    """A consumer of the topic's group; it commits when it is told to."""
    return labs.member(kafka.settings, topic, GROUP, **options)


def work(consumer: KafkaConsumer, done: list[bytes]) -> int:
    """How much is done, with what the consumer is given now, which is committed."""
    if given := consumer.poll(timeout_ms=50):
        done += [record.value for records in given.values() for record in records]
        consumer.commit()
    return len(done)


@contextmanager
def working(consumer: KafkaConsumer, done: list[bytes]) -> Iterator[None]:
    """The consumer works in a thread meanwhile; then it leaves its group."""
    over = threading.Event()

    def run() -> None:
        with closing(consumer):
            while not over.is_set():
                work(consumer, done)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def transactional(kafka: Cluster, topic: str) -> Producer:
    """A producer whose transactions are named like the topic."""
    servers = kafka.settings.kafka_bootstrap_servers
    producer = Producer({"bootstrap.servers": servers, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(30)
    return producer


def begin(producer: Producer, topic: str, value: bytes) -> None:
    """A transaction with one value, which the brokers have when this returns."""
    producer.begin_transaction()
    producer.produce(topic, value)
    assert producer.flush(30) == 0


def test_topics_of_the_platform_are_on_every_broker(kafka: Cluster) -> None:
    topics.create_all(kafka.settings)
    wait_until(lambda: kafka.in_sync("orders") == {1, 2, 3}, "orders on every broker")


def test_topics_that_brokers_do_not_make_are_told_as_a_failure_of_kafka(kafka: Cluster) -> None:
    too_many = {"many": {"num_partitions": 1, "replication_factor": 5}}
    with pytest.raises(ServiceDown, match="kafka at .*replication"):
        topics._create(too_many, kafka.settings)


@pytest.mark.parametrize("is_controller", [False, True], ids=["leader", "leader and controller"])
def test_killed_leader_costs_no_message_and_comes_back_by_itself(
    is_controller: bool, kafka: Cluster
) -> None:
    controller = kafka.controller()
    victim = controller if is_controller else controller % 3 + 1
    topic = f"killed-{is_controller}"
    kafka.create_led_by(topic, victim)
    with Load(kafka.settings, topic, delivery_seconds=60) as load:
        wait_until(lambda: len(load.acked) > 200, "messages before the kill")
        killed, before = kafka.pid(victim), len(load.acked)
        kafka.kill(victim)
        wait_until(lambda: len(load.acked) > before + 500, "messages after the kill")
    wait_until(lambda: kafka.in_sync(topic) == {1, 2, 3}, "the killed broker in sync again")
    assert kafka.pid(victim) not in (0, killed)
    load.ledger.require_all_acked()
    assert kafka.values(topic) == load.acked
    print(f"{len(load.acked)} acked, at most {load.longest_silence_seconds():.1f} s without an ack")


def test_one_broker_of_three_acknowledges_nothing(kafka: Cluster) -> None:
    kafka.create_led_by("lonely", 3)
    with Load(kafka.settings, "lonely", delivery_seconds=60) as before:
        wait_until(lambda: len(before.acked) > 200, "messages before the kill")
    for broker in (1, 2):
        kafka.keep_dead(broker)
    with Load(kafka.settings, "lonely", delivery_seconds=3) as alone:
        wait_until(lambda: alone.ledger.rejected_count > 0, "rejected messages")
    kafka.start_dead()
    wait_until(lambda: kafka.in_sync("lonely") == {1, 2, 3}, "the killed brokers in sync again")
    assert (alone.acked, alone.ledger.in_flight) == ([], 0)
    assert alone.ledger.topics["lonely"].produced == alone.ledger.topics["lonely"].rejected
    # What was rejected may be there all the same, even twice: its producer was promised nothing.
    produce(kafka, "lonely", b"after")
    there = kafka.values("lonely")
    assert there[: len(before.acked)] == before.acked
    assert set(there[len(before.acked) : -1]) <= alone.rejected
    assert there[-1] == b"after"


def test_aborted_messages_are_seen_only_by_who_reads_uncommitted(kafka: Cluster) -> None:
    kafka.create("transactions")
    producer = transactional(kafka, "transactions")
    for value in (b"aborted 1", b"committed 1", b"aborted 2", b"committed 2"):
        begin(producer, "transactions", value)
        if value.startswith(b"aborted"):
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
    committed = [b"committed 1", b"committed 2"]
    assert kafka.values("transactions") == committed
    everything = kafka.values("transactions", "read_uncommitted")
    assert everything == [b"aborted 1", b"committed 1", b"aborted 2", b"committed 2"]
    begin(producer, "transactions", b"open")
    assert kafka.values("transactions") == committed
    producer.commit_transaction(30)
    assert kafka.values("transactions") == [*committed, b"open"]


def test_second_producer_of_a_transactional_id_fences_the_first(kafka: Cluster) -> None:
    kafka.create("fenced")
    zombie = transactional(kafka, "fenced")
    begin(zombie, "fenced", b"of the zombie")
    successor = transactional(kafka, "fenced")
    begin(successor, "fenced", b"of its successor")
    with pytest.raises(KafkaException) as refusal:
        zombie.commit_transaction(30)
    assert refusal.value.args[0].fatal()
    successor.commit_transaction(30)
    assert kafka.values("fenced") == [b"of its successor"]


def test_group_shares_the_partitions_and_the_last_member_takes_over_all(kafka: Cluster) -> None:
    kafka.create("shared", partitions=4)
    done: list[bytes] = []
    leaver, stayer = member(kafka, "shared"), member(kafka, "shared")
    with working(stayer, done):
        with working(leaver, done):
            both = (leaver, stayer)
            wait_until(lambda: [len(c.assignment()) for c in both] == [2, 2], "two for each")
            produce(kafka, "shared", *MANY[:100])
            wait_until(lambda: len(done) >= 100, "what both have")
        wait_until(lambda: len(stayer.assignment()) == 4, "all four for the one that is left")
        produce(kafka, "shared", *MANY[100:150])
        wait_until(lambda: len(done) >= 150, "what the one has")
    produce(kafka, "shared", *MANY[150:])
    with working(member(kafka, "shared"), done):
        wait_until(lambda: len(done) >= 200, "what came while nobody was there")
    assert Counter(done) == Counter(MANY)


def test_group_goes_back_to_a_time(kafka: Cluster) -> None:
    kafka.create("timed")
    for hours_ago in (3, 2, 1):
        produce(kafka, "timed", *MANY[hours_ago * 10 : hours_ago * 10 + 5], hours_ago=hours_ago)
    place, now_ms = TopicPartition("timed", 0), int(time.time() * 1000)
    done: list[bytes] = []
    with closing(member(kafka, "timed")) as consumer:
        times = consumer.offsets_for_times({place: now_ms - HOUR_MS * 5 // 2})
        assert consumer.offsets_for_times({place: now_ms})[place] is None
        kafka.set_offset("timed", times[place].offset)
        wait_until(lambda: work(consumer, done) >= 10, "what is younger")
    assert done == [*MANY[20:25], *MANY[10:15]]


def test_old_records_are_deleted_and_who_wants_them_is_told(kafka: Cluster) -> None:
    # Of a topic that is compacted as well, the cleaner deletes: it need not be waited for.
    kafka.create("kept", configs={"cleanup.policy": "compact,delete", "retention.ms": "60000"})
    produce(kafka, "kept", *MANY[:10], hours_ago=1)
    kafka.set_offset("kept", 3)
    place = TopicPartition("kept", 0)
    done: list[bytes] = []
    with closing(member(kafka, "kept", auto_offset_reset="none")) as late:
        wait_until(lambda: late.beginning_offsets([place])[place] == 10, "the deletion")
        produce(kafka, "kept", *MANY[10:15])
        with pytest.raises(OffsetOutOfRangeError):
            wait_until(lambda: work(late, done) > 0, "a record or an error")
    assert done == []
    with closing(member(kafka, "kept")) as careless:
        wait_until(lambda: work(careless, done) >= 5, "what is left")
    assert done == MANY[10:15]


def test_compaction_keeps_the_last_value_of_a_key_and_forgets_the_deleted(kafka: Cluster) -> None:
    at_once = {"min.cleanable.dirty.ratio": "0.01", "segment.ms": "1", "delete.retention.ms": "0"}
    kafka.create("compacted", configs={"cleanup.policy": "compact", **at_once})
    producer = KafkaProducer(bootstrap_servers=kafka.settings.kafka_bootstrap_servers)

    def put(key: bytes, value: bytes | None) -> None:
        producer.send("compacted", value, key).get(timeout=30)

    for key, value in ((b"a", b"1"), (b"b", b"1"), (b"c", b"1"), (b"a", b"2"), (b"c", None)):
        put(key, value)

    def left() -> list[tuple[bytes, bytes | None]]:
        put(b"latest", b"")  # the segment that is written to is never compacted
        found = [(record.key, record.value) for record in kafka.records("compacted")]
        return [each for each in found if each[0] != b"latest"]

    with closing(producer):
        wait_until(lambda: left() == [(b"b", b"1"), (b"a", b"2")], "only the last values")
