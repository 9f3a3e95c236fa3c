"""What the shop emits: Kafka messages, each with the class the truth files it under."""

from typing import NamedTuple

from generators.facts import Fact

ORDERS = "orders"
PAYMENTS = "payments"
CLICKS = "clicks"
SHIPMENTS = "shipments"
REFUNDS = "refunds"
REVIEWS = "reviews"
SOCIAL_MENTIONS = "social_mentions"
TOPICS = (ORDERS, PAYMENTS, CLICKS, SHIPMENTS, REFUNDS, REVIEWS, SOCIAL_MENTIONS)

GOOD = "good"
DUPLICATE = "duplicate"


class Message(NamedTuple):
    """One record of a topic, named without its namespace.

    `label` is `good`, `duplicate` or the defect. Only a good message has `facts`.
    """

    topic: str
    key: bytes
    value: bytes
    label: str = GOOD
    facts: tuple[Fact, ...] = ()
