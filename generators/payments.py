"""Payments: most orders are paid within ten minutes, and before midnight."""

from random import Random

from generators.clock import DAY_MS, timestamp
from generators.messages import PAYMENTS, Message
from generators.orders import Order

SLOWEST_MS = 600_000
METHODS = ("card", "card", "card", "paypal", "paypal", "transfer")


def payment(day: str, order: Order, rng: Random) -> Message:
    """The payment of an order in full."""
    visit = order.visit
    longest_ms = min(SLOWEST_MS, DAY_MS - 1 - visit.moment_ms)
    paid_at = timestamp(day, visit.moment_ms + int(longest_ms * rng.random()))
    value = (
        f'{{"payment_id":"p-{visit.visit_id}","order_id":"o-{visit.visit_id}",'
        f'"customer_id":"{visit.customer_id}","paid_at":"{paid_at}",'
        f'"method":"{METHODS[int(len(METHODS) * rng.random())]}",'
        f'"amount_cents":{order.total_cents},"currency":"{visit.currency}"}}'
    )
    return Message(PAYMENTS, visit.key, value.encode())
