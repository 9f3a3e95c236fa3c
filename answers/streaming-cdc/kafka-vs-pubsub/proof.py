"""The same messages through Kafka and through a channel that forgets what it delivered."""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from answers.evidence import Evidence
from answers.labs.kafka import create_topic, member, producer, read_all, send, take
from answers.labs.waiting import wait_until
from jobs.session import postgres
from jobs.settings import Settings
from jobs.topics import admin, end_offsets

MESSAGES = 1_000
HALF = MESSAGES // 2
LOAD = 20_000
LOAD_BYTES = 100  # of each message
PARTITIONS = 4
HOUR_MS = 3_600_000
MARK = "the end"
VALUES = [f"m-{number}" for number in range(MESSAGES)]


class Listener:
    """One subscriber, from now on, of a channel of Postgres' LISTEN and NOTIFY."""

    def __init__(self, settings: Settings, channel: str) -> None:
        self._connection: Any = postgres(settings)
        self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(f'LISTEN "{channel}"')

    def heard(self) -> list[str]:
        """What it has heard when it hears the mark, which is not counted."""
        found: list[str] = []

        def is_over() -> bool:
            self._connection.poll()
            found.extend(notice.payload for notice in self._connection.notifies)
            self._connection.notifies.clear()
            return MARK in found

        wait_until(is_over, "the mark")
        return [value for value in found if value != MARK]

    def close(self) -> None:
        self._connection.close()


def notify(settings: Settings, channel: str, values: Iterable[str]) -> None:
    """Nothing; who listens is told of each value, in one transaction."""
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        for value in values:
            cursor.execute("SELECT pg_notify(%s, %s)", [channel, value])


@pytest.fixture(scope="module")
def channel(settings: Settings) -> str:
    return settings.topic("orders")


@pytest.fixture(scope="module")
def topic(settings: Settings) -> str:
    """A topic of one partition that has all the messages."""
    name = create_topic(settings, "subscribed")
    send(settings, name, [(None, value.encode()) for value in VALUES])
    return name


def values_of(records: list[Any]) -> list[str]:
    return [record.value.decode() for record in records]


@pytest.mark.control
def test_a_channel_delivers_to_who_is_there_and_drops_the_message(
    evidence: Evidence, settings: Settings, channel: str
) -> None:
    with closing(Listener(settings, channel)) as early:
        notify(settings, channel, [*VALUES, MARK])
        heard = early.heard()
    evidence("the early listener has", len(heard), MESSAGES, "messages")
    assert heard == VALUES
    with closing(Listener(settings, channel)) as late_one:
        notify(settings, channel, [MARK])  # what was sent before would come before it
        evidence("the late listener has", len(late_one.heard()), 0, "messages")


def test_kafka_keeps_messages_for_a_subscriber_that_comes_late(
    evidence: Evidence, settings: Settings, topic: str
) -> None:
    with closing(member(settings, topic, "early")) as early:
        assert values_of(take(early, MESSAGES)) == VALUES
        early.commit()
    with closing(member(settings, topic, "late")) as late_one:
        received = values_of(take(late_one, MESSAGES))
    evidence("the late consumer has", len(received), MESSAGES, "messages")
    assert received == VALUES


def test_kafka_replays_what_was_read_and_a_channel_has_nothing_to_replay(
    evidence: Evidence, settings: Settings, topic: str, channel: str
) -> None:
    with closing(member(settings, topic, "replaying")) as consumer:
        take(consumer, MESSAGES)
        consumer.commit()
        consumer.seek_to_beginning()
        again = values_of(take(consumer, MESSAGES))
    evidence("replayed from Kafka", len(again), MESSAGES, "messages")
    assert again == VALUES
    with closing(Listener(settings, channel)) as listener:
        notify(settings, channel, [*VALUES, MARK])
        listener.heard()
        notify(settings, channel, [MARK])
        evidence("replayed from the channel", len(listener.heard()), 0, "messages")


def test_how_long_kafka_keeps_a_message_is_a_setting_of_its_topic_read_or_not(
    evidence: Evidence, settings: Settings, topic: str
) -> None:
    with closing(admin(settings)) as client:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        [found] = client.describe_configs([resource], config_filter="all").values()
        kept_days = int(next(iter(found.values()))["retention.ms"]["value"]) // (24 * HOUR_MS)
    evidence("a topic keeps its messages unless told otherwise", kept_days, 7, "days")
    # What is compacted as well is cleaned every few seconds; deletion alone waits for minutes.
    configs = {"cleanup.policy": "compact,delete", "retention.ms": str(HOUR_MS)}
    brief = create_topic(settings, "brief", configs=configs)
    fill(settings, brief, VALUES[:HALF], 2 * HOUR_MS)
    wait_until(lambda: not read_all(settings, brief), "what is too old deleted")
    fill(settings, brief, VALUES[HALF:], 0)
    left = values_of(read_all(settings, brief))
    evidence("messages too old that are left", len(set(left) & set(VALUES[:HALF])), 0, "messages")
    evidence("younger messages that are left", len(left), HALF, "messages")
    given = sum(end_offsets(settings, brief).values())
    evidence("the topic was given", given, MESSAGES, "messages")
    assert left == VALUES[HALF:]


def fill(settings: Settings, topic: str, values: list[str], age_ms: int) -> None:
    """Nothing; the topic has these messages too, which happened so long ago."""
    at_ms = int(time.time() * 1000) - age_ms
    with closing(producer(settings)) as client:
        for value in values:
            client.send(topic, value.encode(), value.encode(), timestamp_ms=at_ms)


def shared_by_two(settings: Settings, topic: str) -> Iterator[KafkaConsumer]:
    """Two members of a group, each with half of the partitions."""
    members = [member(settings, topic, "shared", heartbeat_interval_ms=200) for _ in range(2)]

    def is_shared() -> bool:
        for each in members:
            each.poll(timeout_ms=100)
        return [len(each.assignment()) for each in members] == [PARTITIONS // 2] * 2

    wait_until(is_shared, "two partitions for each")
    yield from members


def test_a_group_shares_the_messages_while_every_listener_gets_all_of_them(
    evidence: Evidence, settings: Settings, channel: str
) -> None:
    topic = create_topic(settings, "shared", PARTITIONS)
    with ExitStack() as closed:
        both = [closed.enter_context(closing(one)) for one in shared_by_two(settings, topic)]
        send(settings, topic, [(value.encode(), value.encode()) for value in VALUES])
        mine: list[list[str]] = [[], []]

        def is_all() -> bool:
            for each, done in zip(both, mine, strict=True):
                done += [r.value.decode() for some in each.poll(100).values() for r in some]
            return sum(map(len, mine)) >= MESSAGES

        wait_until(is_all, "all messages in the group")
    assert sorted(mine[0] + mine[1]) == sorted(VALUES) and all(mine)
    evidence("messages of both members together", sum(map(len, mine)), MESSAGES, "messages")
    with closing(Listener(settings, channel)) as one, closing(Listener(settings, channel)) as two:
        notify(settings, channel, [*VALUES, MARK])
        heard = len(one.heard()) + len(two.heard())
    evidence("messages of both listeners together", heard, 2 * MESSAGES, "messages")


@pytest.fixture
def queue(settings: Settings) -> Iterator[str]:
    """A queue with competing workers, as SQS and RabbitMQ have it: a table with two jobs."""
    schema = settings.schema("lab")
    with closing(postgres(settings)) as database, database, database.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.queue (id int, job text)")
        cursor.execute(f"INSERT INTO {schema}.queue VALUES (1, 'place'), (2, 'cancel')")
    yield f"{schema}.queue"
    with closing(postgres(settings)) as database, database, database.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {schema} CASCADE")


def test_kafka_keeps_the_order_of_a_key_and_competing_workers_of_a_queue_do_not(
    evidence: Evidence, settings: Settings, queue: str
) -> None:
    receive = f"""DELETE FROM {queue} WHERE id =
        (SELECT id FROM {queue} ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING job"""
    done: list[str] = []
    with closing(postgres(settings)) as slow, closing(postgres(settings)) as quick:
        jobs = {}
        for worker in (slow, quick):  # each takes the next job that nobody holds
            with worker.cursor() as cursor:
                cursor.execute(receive)
                [(jobs[worker],)] = cursor.fetchall()
        for worker in (quick, slow):  # and ends when it ends
            worker.commit()
            done.append(jobs[worker])
    evidence("the queue's workers do", ", ".join(done), "cancel, place")
    topic = create_topic(settings, "ordered", PARTITIONS)
    with ExitStack() as closed:
        both = [closed.enter_context(closing(one)) for one in shared_by_two(settings, topic)]
        places = send(settings, topic, [(b"o-1", b"place"), (b"o-1", b"cancel")])
        lane = TopicPartition(topic, places[0].partition)
        [owner] = [one for one in both if lane in one.assignment()]
        evidence("Kafka's member does", ", ".join(values_of(take(owner, 2))), "place, cancel")


def test_both_carry_the_same_load_whole_and_their_rates_are_measured(
    evidence: Evidence, settings: Settings, channel: str
) -> None:
    load = [f"{number:0{LOAD_BYTES}}" for number in range(LOAD)]
    topic = create_topic(settings, "load")
    client = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    began = time.monotonic()
    for value in load:
        client.produce(topic, value)
        client.poll(0)
    client.flush()
    with closing(member(settings, topic, "load")) as consumer:
        received = values_of(take(consumer, LOAD))
    kafka_seconds = time.monotonic() - began
    with closing(Listener(settings, channel)) as listener:
        began = time.monotonic()
        notify(settings, channel, [*load, MARK])
        heard = listener.heard()
    channel_seconds = time.monotonic() - began
    assert received == heard == load
    evidence("messages of the load", len(received), LOAD, "messages")
    evidence("Kafka carries", LOAD / kafka_seconds, unit="messages a second")
    evidence("the channel carries", LOAD / channel_seconds, unit="messages a second")
    rates = {"Kafka": round(LOAD / kafka_seconds), "channel": round(LOAD / channel_seconds)}
    evidence.series("messages a second, sent and received", rates, "a second")
