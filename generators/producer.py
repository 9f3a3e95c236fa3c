"""Two Kafka clients behind one thin interface: one for demo rates, one for load."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import sleep
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as ConfluentClient
from kafka import KafkaProducer
from kafka.errors import KafkaError as KafkaPythonError
from kafka.errors import KafkaTimeoutError

from generators.messages import Message
from jobs.errors import LakeproofError, ServiceDown
from jobs.settings import Settings

KAFKA_PYTHON = "kafka-python"
CONFLUENT = "confluent"
CLIENTS = (KAFKA_PYTHON, CONFLUENT)
# kafka-python sends about 9,000 messages a second on two cores, confluent-kafka ten times that.
KAFKA_PYTHON_RATE = 5_000
KAFKA_PYTHON_MESSAGES = 50_000
CLOSE_SECONDS = 5.0
RUN_ID_HEADER = "run_id"
SCHEMA_ID_HEADER = "schema_id"

# Told of every message once: None when the broker has it, else the reason why it has not.
Report = Callable[[Message, str | None], None]
# What every message of a topic (named in full) carries beside key and value.
Headers = Mapping[str, list[tuple[str, bytes]]]


@dataclass(frozen=True)
class Transport:
    """How messages travel: a rate in messages a second (0 = as fast as possible), a client.

    Without a client, the one that suits rate and number of messages is taken.
    Raises: LakeproofError for a negative rate or an unknown client.
    """

    rate: float = 0.0
    client: str | None = None
    lz4: bool = False
    linger_ms: int = 20
    delivery_seconds: float = 30.0

    def __post_init__(self) -> None:
        if not self.rate >= 0:
            raise LakeproofError(f"The rate is {self.rate}. Give messages a second, or 0 for all.")
        if self.client not in (None, *CLIENTS):
            raise LakeproofError(f"No Kafka client {self.client!r}. Take one of {CLIENTS}.")

    def client_for(self, messages_count: int | None) -> str:
        """The name of the client to send so many messages with; None = nobody knows how many."""
        if self.client:
            return self.client
        is_fast = self.rate > KAFKA_PYTHON_RATE
        is_many = messages_count is None or messages_count > KAFKA_PYTHON_MESSAGES
        return CONFLUENT if is_fast or (self.rate == 0 and is_many) else KAFKA_PYTHON


class Producer(Protocol):
    """Sends idempotently with acks=all, to the partition Java clients choose for the key."""

    def send(self, topic: str, message: Message) -> None:
        """Take a message for a topic (named in full); its fate is reported later."""

    def idle(self, seconds: float) -> None:
        """Let time pass between two messages, at most so long."""

    def drain(self, seconds: float) -> None:
        """Wait for the fate of what was sent, at most so long."""

    def close(self) -> None:
        """Give up on what is still under way, and disconnect."""


class KafkaPythonProducer:
    """Pure Python: for demo rates."""

    def __init__(
        self, settings: Settings, transport: Transport, headers: Headers, report: Report
    ) -> None:
        self._headers = headers
        self._report = report
        address = settings.kafka_bootstrap_servers
        delivery_ms = int(transport.delivery_seconds * 1000)
        try:
            self._client = KafkaProducer(
                bootstrap_servers=address,
                bootstrap_timeout_ms=8_000,
                acks="all",
                enable_idempotence=True,
                compression_type="lz4" if transport.lz4 else None,
                linger_ms=transport.linger_ms,
                delivery_timeout_ms=delivery_ms,
                request_timeout_ms=max(delivery_ms // 3, 1_000),
                max_block_ms=delivery_ms,
                allow_auto_create_topics=False,
            )
        except KafkaTimeoutError as error:
            raise ServiceDown("kafka", address, error) from error

    def send(self, topic: str, message: Message) -> None:
        try:
            future = self._client.send(topic, message.value, message.key, self._headers[topic])
        except KafkaPythonError as error:
            self._report(message, str(error))
            return
        future.add_callback(partial(self._acknowledged, message))
        future.add_errback(partial(self._failed, message))

    def _acknowledged(self, message: Message, _: object) -> None:
        self._report(message, None)

    def _failed(self, message: Message, error: object) -> None:
        self._report(message, str(error))

    def idle(self, seconds: float) -> None:
        sleep(seconds)

    def drain(self, seconds: float) -> None:
        with suppress(KafkaTimeoutError):
            self._client.flush(seconds)

    def close(self) -> None:
        try:
            self._client.close(CLOSE_SECONDS)
        except KafkaTimeoutError:
            # kafka-python gives up here, while its thread would go on sending for ever.
            self._client._sender.force_close()
            self._client.close(CLOSE_SECONDS)


def confluent_options(settings: Settings, transport: Transport) -> dict[str, Any]:
    """What librdkafka is told so that no message it acknowledged is lost or doubled."""
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "lz4" if transport.lz4 else "none",
        "linger.ms": transport.linger_ms,
        "delivery.timeout.ms": int(transport.delivery_seconds * 1000),
        # What Java and kafka-python do with a key.
        "partitioner": "murmur2_random",
        # Failures come back as reports; librdkafka would print them as well.
        "log_level": 0,
    }


class ConfluentProducer:
    """librdkafka: for load."""

    def __init__(
        self, settings: Settings, transport: Transport, headers: Headers, report: Report
    ) -> None:
        self._headers = headers
        self._report = report
        self._client: Any = ConfluentClient(confluent_options(settings, transport))

    def send(self, topic: str, message: Message) -> None:
        settled = partial(self._settled, message)
        try:
            headers = self._headers[topic]
            self._client.produce(
                topic, message.value, message.key, headers=headers, on_delivery=settled
            )
        except KafkaException as error:
            self._report(message, str(error))
        self._client.poll(0)

    def _settled(self, message: Message, error: KafkaError | None, _: object) -> None:
        self._report(message, None if error is None else error.str())

    def idle(self, seconds: float) -> None:
        self._client.poll(seconds)

    def drain(self, seconds: float) -> None:
        self._client.flush(seconds)

    def close(self) -> None:
        self._client.purge()
        self._client.flush(CLOSE_SECONDS)


PRODUCERS: dict[str, Callable[[Settings, Transport, Headers, Report], Producer]] = {
    KAFKA_PYTHON: KafkaPythonProducer,
    CONFLUENT: ConfluentProducer,
}
