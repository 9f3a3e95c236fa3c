"""Shipments: what the carrier reports about a parcel until midnight, sometimes out of order."""

from random import Random

from generators.clock import DAY_MS, timestamp
from generators.messages import SHIPMENTS, Message
from generators.orders import Order
from generators.run import SHIPPED_SHARE

SWAPPED_SHARE = 0.1
CARRIERS = ("DHL", "DPD", "GLS", "UPS")
MOST_REPORTS = 3
LAST_STATUSES = ("in_transit", "in_transit", "in_transit", "in_transit", "delivered", "lost")


def shipment(day: str, order: Order, rng: Random) -> list[Message]:
    """The one to three reports of a parcel, two on average; none if it is not shipped today."""
    if rng.random() >= SHIPPED_SHARE:
        return []
    visit = order.visit
    last = LAST_STATUSES[int(len(LAST_STATUSES) * rng.random())]
    statuses = ("placed", "shipped", last)[: 1 + int(MOST_REPORTS * rng.random())]
    carrier = CARRIERS[int(len(CARRIERS) * rng.random())]
    # Each report is later than the one before, if need be by one millisecond.
    left_ms = DAY_MS - 1 - visit.moment_ms
    pause_ms = int(left_ms * rng.random()) // len(statuses)
    statuses = statuses if pause_ms else statuses[:1]
    reports = [
        f'{{"shipment_id":"h-{visit.visit_id}","order_id":"o-{visit.visit_id}",'
        f'"customer_id":"{visit.customer_id}","carrier":"{carrier}","status":"{status}",'
        f'"updated_at":"{timestamp(day, visit.moment_ms + number * pause_ms)}"}}'
        for number, status in enumerate(statuses, 1)
    ]
    if rng.random() < SWAPPED_SHARE:
        reports.reverse()
    return [Message(SHIPMENTS, visit.key, report.encode()) for report in reports]
