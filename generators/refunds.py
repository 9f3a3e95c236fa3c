"""Refunds: some pieces of an order line are paid back before midnight."""

from collections.abc import Iterator
from random import Random

from generators.clock import DAY_MS, timestamp
from generators.facts import Refunded
from generators.fx_rates import to_eur_cents
from generators.messages import REFUNDS, Message
from generators.orders import Line, Order
from generators.run import REFUNDED_SHARE

REASONS = ("damaged", "late", "wrong_item", "changed_mind")


def refunds(day: str, order: Order, rng: Random) -> Iterator[Message]:
    """At most one refund for each line of an order, at the price the line was sold for."""
    for line in order.lines:
        if rng.random() < REFUNDED_SHARE:
            yield _refund(day, order, line, rng)


def _refund(day: str, order: Order, line: Line, rng: Random) -> Message:
    visit = order.visit
    quantity = 1 + int(line.quantity * rng.random())
    amount_cents = quantity * line.unit_price_cents
    moment_ms = visit.moment_ms + int((DAY_MS - visit.moment_ms) * rng.random())
    value = (
        f'{{"refund_id":"f-{visit.visit_id}-{line.number}","order_id":"o-{visit.visit_id}",'
        f'"line_number":{line.number},"customer_id":"{visit.customer_id}",'
        f'"quantity":{quantity},"amount_cents":{amount_cents},"currency":"{visit.currency}",'
        f'"reason":"{REASONS[int(len(REASONS) * rng.random())]}",'
        f'"refunded_at":"{timestamp(day, moment_ms)}"}}'
    )
    refunded = Refunded(
        f"o-{visit.visit_id}",
        line.number,
        quantity,
        to_eur_cents(amount_cents, order.rate_micros),
        line.product_id,
    )
    return Message(REFUNDS, visit.key, value.encode(), facts=(refunded,))
