"""What the shop emits: Kafka messages, each with the class the truth files it under."""

from typing import NamedTuple

ORDERS = "orders"
PAYMENTS = "payments"
CLICKS = "clicks"
TOPICS = (ORDERS, PAYMENTS, CLICKS)

GOOD = "good"
DUPLICATE = "duplicate"


class Sale(NamedTuple):
    """What one order line adds to the revenue of its category."""

    category: str
    quantity: int
    revenue_eur_cents: int


class Message(NamedTuple):
    """One record of a topic, named without its namespace.

    `label` is `good`, `duplicate` or the defect. `sales` is filled for good orders only.
    """

    topic: str
    key: bytes
    value: bytes
    label: str = GOOD
    sales: tuple[Sale, ...] = ()
