"""Orders at a steady rate around a fault, and what is due of them: good, sent again, or refused."""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from generators.messages import ORDERS, Message
from generators.producer import CONFLUENT, Transport
from generators.publish import send
from generators.run import Defects, Run
from generators.shop import stream
from infra.native.instance import Instance
from jobs.settings import Settings

DAY = date(2026, 1, 5)
MOST_ORDERS = 1_000_000
NO_DEFECTS = Defects.totalling(0)
STEADY = Transport(rate=100, client=CONFLUENT, delivery_seconds=120)
AT_ONCE = Transport(rate=0, client=CONFLUENT, delivery_seconds=120)


class Places(NamedTuple):
    """How often each order is, or ought to be, in bronze, in silver and in silver's quarantine."""

    bronze: Counter[str]
    silver: Counter[str]
    quarantine: Counter[str]


class Load:
    """Orders at a steady rate in a thread of its own, until it is ended; a seed has its own ids.

    `acked` counts the steady orders, `rejected` all that the broker did not take. `given_up` it
    took, and they were written down as lost before they were read.
    """

    def __init__(self, settings: Settings, seed: int) -> None:
        self.seed = seed
        self.acked = self.rejected = self.given_up = 0
        self._settings, self._run_id = settings, f"chaos-{seed}"
        self._good: list[Message] = []
        self._refused: list[Message] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send_steadily)

    def start(self) -> None:
        """Nothing; orders come from now on."""
        self._thread.start()

    def end(self) -> None:
        """Nothing, once the fate of every order is known."""
        self._over.set()
        self._thread.join()

    @property
    def sent(self) -> list[Message]:
        """The good orders so far, those sent again as often as they were."""
        return list(self._good)

    @property
    def taken_count(self) -> int:
        """Messages that the broker took, once the load is ended."""
        return len(self._good) + len(self._refused) - self.rejected

    def send(self, messages: Iterable[Message], are_refused: bool = False) -> None:
        """Nothing, once messages beside the steady ones were sent as fast as they can be.

        `are_refused`: silver owes them a place in quarantine.
        """
        extras = list(messages)
        (self._refused if are_refused else self._good).extend(extras)
        ledger = send(extras, self._run_id, self._settings, AT_ONCE)
        self.rejected += ledger.rejected_count

    def messages(self, day: date, orders_count: int, topic: str = ORDERS) -> list[Message]:
        """Good messages of a day of so many orders, which were not sent."""
        return [
            message
            for message in stream(Run(day, orders_count, self.seed, NO_DEFECTS))
            if message.topic == topic
        ]

    def due(self) -> Places:
        """Where the orders ought to be, each good one once in silver however often it was sent."""
        good, refused = Counter(map(order_id, self._good)), Counter(map(order_id, self._refused))
        return Places(good + refused, Counter(good.keys()), refused)

    def _send_steadily(self) -> None:
        ledger = send(self._steady(), self._run_id, self._settings, STEADY, self._watch)
        self.rejected += ledger.rejected_count

    def _steady(self) -> Iterator[Message]:
        for message in stream(Run(DAY, MOST_ORDERS, self.seed, NO_DEFECTS)):
            if self._over.is_set():
                return
            if message.topic == ORDERS:
                self._good.append(message)
                yield message

    def _watch(self, acked: int, _rejected: int) -> None:
        self.acked = acked


@dataclass(frozen=True)
class Target:
    """What a fault strikes: the instance, its settings, and the orders that come meanwhile."""

    instance: Instance
    settings: Settings
    load: Load


def order_id(message: Message) -> str:
    """The order that a message is of."""
    return str(json.loads(message.value)["order_id"])
