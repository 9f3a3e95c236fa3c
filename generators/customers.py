"""Who buys: 20,000 customers, of whom a few buy most."""

from random import Random
from typing import NamedTuple

CUSTOMERS_COUNT = 20_000
CURRENCY_WEIGHTS = {"EUR": 55, "USD": 15, "GBP": 12, "PLN": 10, "SEK": 8}


class Visit(NamedTuple):
    """A customer in the shop at a moment of the day.

    `visit_id` holds the day, the seed and a counter, so ids made of it never repeat.
    """

    visit_id: str
    customer_id: str
    currency: str
    moment_ms: int

    @property
    def key(self) -> bytes:
        """The Kafka key: the messages of a customer stay in order."""
        return self.customer_id.encode()


def currencies(seed: int) -> list[str]:
    """What each customer pays in on every day; the first is that of customer number 1."""
    return Random(f"customers/{seed}").choices(
        list(CURRENCY_WEIGHTS), list(CURRENCY_WEIGHTS.values()), k=CUSTOMERS_COUNT
    )


def customer_id_at(index: int) -> str:
    """The id of a customer, the same on every day."""
    return f"c-{index + 1:06d}"


class Customers:
    """The customers of a shop."""

    def __init__(self, seed: int) -> None:
        self._currencies = currencies(seed)

    def visit(self, visit_id: str, moment_ms: int, rng: Random) -> Visit:
        """Somebody comes; one visit in 27 is that of customer number 1."""
        u = rng.random()
        index = int(CUSTOMERS_COUNT * u * u * u)
        return Visit(visit_id, customer_id_at(index), self._currencies[index], moment_ms)
