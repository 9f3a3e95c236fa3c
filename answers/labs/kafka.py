"""Topics of a proof's own: made, filled, and read, by a group or as a whole."""

from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import chain
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from answers.labs.waiting import wait_until
from jobs.settings import Settings
from jobs.topics import admin

PATIENCE_SECONDS = 120
POLL_MS = 100
# A message: its key, which decides the partition, and its value.
Message = tuple[bytes | None, bytes]


def create_topic(settings: Settings, name: str, partitions: int = 1, **options: Any) -> str:
    """The full name of a topic that is there from then on."""
    topic = settings.topic(name)
    with closing(admin(settings)) as client:
        client.create_topics({topic: {"num_partitions": partitions, **options}})
        client.wait_for_topics([topic])
    return topic


def producer(settings: Settings, **options: Any) -> KafkaProducer:
    """A producer that waits for all replicas and sends nothing twice, unless told otherwise."""
    return KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, **options)


def send(settings: Settings, topic: str, messages: Iterable[Message]) -> list[Any]:
    """Where each message stands (partition, offset), in the order sent; all are acknowledged."""
    with closing(producer(settings)) as client:
        futures = [client.send(topic, value, key) for key, value in messages]
        return [future.get(timeout=PATIENCE_SECONDS) for future in futures]


def member(settings: Settings, topic: str, group: str, **options: Any) -> KafkaConsumer:
    """A consumer of a group. It begins at the beginning, and commits when it is told to."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=f"{topic}.{group}",
        **{"enable_auto_commit": False, "auto_offset_reset": "earliest", **options},
    )
    # Joining before it knows the partitions, kafka-python would share out none, for minutes.
    wait_until(lambda: consumer.partitions_for_topic(topic), f"the partitions of {topic}")
    return consumer


def take(consumer: KafkaConsumer, count: int) -> list[Any]:
    """The next records the consumer is given, exactly so many.

    Raises: StandsStill if for minutes there is no more.
    """
    found: list[Any] = []

    def is_enough() -> bool:
        given = consumer.poll(timeout_ms=POLL_MS, max_records=count - len(found))
        found.extend(record for records in given.values() for record in records)
        return len(found) >= count

    wait_until(is_enough, f"{count} records", lambda: [len(found)])
    return found


def handle(consumer: KafkaConsumer, each: Callable[[Any], object]) -> None:
    """Nothing; what a poll gives is handled one by one, and committed after the last.

    A commit is of all that was given: before the last it could lose; without one a member that
    takes over repeats. An idle member commits nothing, for while it joins it may not.
    """
    given = consumer.poll(timeout_ms=POLL_MS)
    for record in chain.from_iterable(given.values()):
        each(record)
    if given:
        consumer.commit()


def read_all(settings: Settings, topic: str, **options: Any) -> list[Any]:
    """Every record of a topic, by partition and offset; no group takes notice."""
    found: list[Any] = []
    own = {"bootstrap_servers": settings.kafka_bootstrap_servers, "enable_auto_commit": False}
    with closing(KafkaConsumer(**own, **options)) as consumer:
        places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        consumer.assign(places)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(places)

        def is_read() -> bool:
            found.extend(record for some in consumer.poll(POLL_MS).values() for record in some)
            return all(consumer.position(place) >= end for place, end in ends.items())

        wait_until(is_read, f"all of {topic}", lambda: [len(found)])
    return sorted(found, key=lambda record: (record.partition, record.offset))
