"""Three brokers and nothing else: striking them, and reading what they have."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count, pairwise
from typing import Any

import psutil
from kafka import OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from answers.labs.kafka import create_topic, read_all
from generators.ledger import Ledger
from generators.messages import Message
from generators.producer import CONFLUENT, PRODUCERS, Transport
from infra.native import supervise
from infra.native.creation import load_or_create
from infra.native.install import install_missing
from infra.native.instance import Instance
from infra.native.watch import healthy
from jobs.settings import Settings, settings_from
from jobs.topics import admin
from tests.integration.part_of_a_stack import part_of_a_stack

INSTANCE = "brokers"
GROUP = "members"
RATE = 500


@dataclass(frozen=True)
class Cluster:
    """The instance with its brokers as its only services."""

    instance: Instance
    settings: Settings
    numbers = (1, 2, 3)

    def wait(self) -> None:
        """Nothing, once all brokers are healthy."""
        for _ in healthy(self.instance, self.settings):
            pass

    def kill(self, broker: int) -> None:
        """SIGKILL; the supervisor starts it again."""
        psutil.Process(self.pid(broker)).kill()

    def keep_dead(self, broker: int) -> None:
        """SIGKILL, and what the supervisor starts instead is stopped before it does anything."""
        self.kill(broker)
        supervise.stop(self.instance, self._service(broker))

    def start_dead(self) -> None:
        """Nothing; all brokers are healthy again."""
        supervise.start_stopped(self.instance)
        self.wait()

    def pid(self, broker: int) -> int:
        """The process id of a broker; 0 while it has no process."""
        return supervise.pid(self.instance, self._service(broker))

    def controller(self) -> int:
        """The broker that decides who leads a partition."""
        with closing(admin(self.settings)) as client:
            quorum = client.describe_metadata_quorum()["topics"][0]["partitions"][0]
        return int(quorum["leader_id"])

    def create(self, topic: str, **options: Any) -> None:
        """Nothing; the topic exists, of one partition on every broker if nothing else is said."""
        create_topic(self.settings, topic, **options)

    def create_led_by(self, topic: str, broker: int) -> None:
        """Nothing; the topic exists and its one partition is led by the broker."""
        others = [number for number in self.numbers if number != broker]
        self.create(topic, partitions=-1, assignments={0: [broker, *others]})

    def in_sync(self, topic: str) -> set[int]:
        """The brokers that have all of its first partition.

        None if the broker that is asked has just died, or has not heard of the topic yet.
        """
        try:
            with closing(admin(self.settings)) as client:
                partitions = client.describe_topics([topic])[0]["partitions"]
        except KafkaError:
            return set()
        return {broker for first in partitions[:1] for broker in first["isr_nodes"]}

    def set_on_brokers(self, configs: dict[str, str]) -> None:
        """Nothing; the brokers go by these configurations from now on."""
        each = [ConfigResource(ConfigResourceType.BROKER, str(n), configs) for n in self.numbers]
        with closing(admin(self.settings)) as client:
            client.alter_configs(each)

    def set_offset(self, topic: str, offset: int) -> None:
        """Nothing; the topic's group goes on at this offset of its partition."""
        place = {TopicPartition(topic, 0): OffsetAndMetadata(offset, "", -1)}
        with closing(admin(self.settings)) as client:
            client.alter_group_offsets(f"{topic}.{GROUP}", place)

    def records(self, topic: str, isolation: str = "read_committed") -> list[Any]:
        """All records of a topic, by partition and offset."""
        return read_all(self.settings, topic, isolation_level=isolation)

    def values(self, topic: str, isolation: str = "read_committed") -> list[bytes]:
        """Their values."""
        return [record.value for record in self.records(topic, isolation)]

    @staticmethod
    def _service(broker: int) -> str:
        return "kafka" if broker == 1 else f"kafka-{broker}"


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Three healthy brokers without data, gone afterwards."""
    install_missing()
    make = partial(load_or_create, INSTANCE, brokers=3)
    with part_of_a_stack(INSTANCE, make, "kafka") as brokers:
        found = Cluster(brokers, settings_from({**brokers.values, "INSTANCE": INSTANCE}))
        found.wait()
        yield found


class Load:
    """Numbered messages at a steady rate in a thread, sent as the platform sends its own."""

    def __init__(self, settings: Settings, topic: str, delivery_seconds: float) -> None:
        self.ledger = Ledger()
        self.acked: list[bytes] = []
        self.rejected: set[bytes] = set()
        self._acked_at: list[float] = []
        self._topic = topic
        self._over = threading.Event()
        transport = Transport(delivery_seconds=delivery_seconds)
        self._producer = PRODUCERS[CONFLUENT](settings, transport, {topic: []}, self._report)
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def longest_silence_seconds(self) -> float:
        """The longest time in which no message was acknowledged."""
        return max(later - earlier for earlier, later in pairwise(self._acked_at))

    def _report(self, message: Message, rejection: str | None) -> None:
        if rejection is None:
            self.acked.append(message.value)
            self._acked_at.append(time.monotonic())
        else:
            self.rejected.add(message.value)
        self.ledger.report(message, rejection)

    def _send(self) -> None:
        for number in count():
            if self._over.is_set():
                break
            message = Message(self._topic, b"key", b"%d" % number)
            self.ledger.sent(message)
            self._producer.send(self._topic, message)
            self._producer.idle(1 / RATE)
        while self.ledger.in_flight:  # ends: each has its fate when its delivery time is over
            self._producer.drain(0.1)
        self._producer.close()
