"""Messages under way with confluent-kafka, and which of them were acknowledged."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from confluent_kafka import Producer

from answers.labs.waiting import wait_until
from generators.producer import Transport, confluent_options
from jobs.settings import Settings

RATE_PER_SECOND = 200
DELIVERY_SECONDS = 120.0
ALL = "all"


def client(settings: Settings, acks: str, seconds: float = DELIVERY_SECONDS) -> Producer:
    """The platform's producer, or one with other acks; it gives up after so many seconds."""
    options = confluent_options(settings, Transport(delivery_seconds=seconds))
    if acks != ALL:
        options |= {"acks": acks, "enable.idempotence": False}
    return Producer(options)


class Outbox:
    """Values sent by a producer, and those of them that were acknowledged."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self.producer, self.topic = producer, topic
        self.acked: list[bytes] = []
        self.acked_at: list[float] = []

    def put(self, value: bytes) -> None:
        """Nothing; its fate is told when the producer is polled."""
        self.producer.produce(self.topic, value, on_delivery=self._settled)

    def _settled(self, error: Any, message: Any) -> None:
        if error is None:
            self.acked.append(message.value())
            self.acked_at.append(time.monotonic())

    def wait_for(self, more: int) -> None:
        """Nothing, once so many more are acknowledged."""
        wanted = len(self.acked) + more
        wait_until(lambda: len(self.acked) >= wanted, f"{more} acknowledgements",
                   lambda: [len(self.acked)])  # fmt: skip


@contextmanager
def load(settings: Settings, topic: str) -> Iterator[Outbox]:
    """Numbered messages at a steady rate, in a thread, each acknowledged by all in the end."""
    box, over = Outbox(client(settings, "all"), topic), threading.Event()

    def send_on() -> None:
        for number in count():
            box.put(b"%d" % number)
            box.producer.poll(1 / RATE_PER_SECOND)
            if over.is_set():
                break
        box.producer.flush()

    thread = threading.Thread(target=send_on)
    thread.start()
    try:
        yield box
    finally:
        over.set()
        thread.join()
