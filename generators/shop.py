"""One business day of the shop as a stream of messages."""

from collections.abc import Iterator
from datetime import date
from random import Random

from generators.clicks import Pages
from generators.clock import moment_ms
from generators.customers import Customers
from generators.defects import with_defects
from generators.messages import Message
from generators.orders import Order, Till
from generators.payments import payment
from generators.refunds import refunds
from generators.reviews import review
from generators.run import PAID_SHARE, Defects, Run
from generators.shipments import shipment
from generators.social_mentions import mention

USUAL_DEFECTS = Defects()


def simulate(
    day: date, count: int, seed: int, defects: Defects = USUAL_DEFECTS
) -> Iterator[Message]:
    """The messages of a day with `count` orders, in the order in which they are sent.

    All good events happen within the day (UTC). Memory does not grow with the count.
    Raises: LakeproofError for arguments that make no run.
    """
    return stream(Run(day, count, seed, defects))


def stream(run: Run) -> Iterator[Message]:
    """The messages of a run."""
    return with_defects(_good_messages(run), run)


def _good_messages(run: Run) -> Iterator[Message]:
    """For each order: its clicks, somebody else's clicks, the order, mostly a payment, and more.

    What came to the shop later draws from its own random numbers: the rest stays as it was.
    """
    rng = Random(f"shop/{run.run_id}")
    after = Random(f"after/{run.run_id}")
    day, till, customers = str(run.day), Till(run.day, run.seed), Customers(run.seed)
    pages = Pages(day, Random(f"ads/{run.run_id}"))
    prefix = f"{run.day:%Y%m%d}-{run.seed}"
    for number in range(run.count):
        # Each order has its own slice of the day's curve: times rise without sorting.
        moment = moment_ms((number + rng.random()) / run.count)
        visit_id = f"{prefix}-{number + 1:07d}"
        buyer = customers.visit(visit_id, moment, rng)
        window_shopper = customers.visit(f"{visit_id}w", moment, rng)
        yield from pages.browsing_session(window_shopper, rng)
        yield from pages.ordering_session(buyer, rng)
        order = till.order(buyer, rng)
        yield order.message
        if rng.random() < PAID_SHARE:
            yield payment(day, order, rng)
            yield from _after_payment(day, order, after)
        yield from review(day, order, after)
        yield from mention(day, order, after)


def _after_payment(day: str, order: Order, rng: Random) -> Iterator[Message]:
    yield from shipment(day, order, rng)
    yield from refunds(day, order, rng)
