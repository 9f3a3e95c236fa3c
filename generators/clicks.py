"""Clicks: sessions that end in an order, and sessions that only look around."""

from random import Random

from generators.clock import timestamp
from generators.customers import Visit
from generators.messages import CLICKS, Message
from generators.products import popular_index, product_id_at

LONGEST_SESSION_MS = 1_200_000
ORDERING = ("view", "add_to_cart", "checkout")
BROWSING = ("view", "view")
SHOP_URL = "https://shop.example"


def ordering_session(day: str, visit: Visit, rng: Random) -> list[Message]:
    """The last one to three steps to a checkout, two on average."""
    steps = ORDERING[int(3 * rng.random()) :]
    return _session(day, visit, steps, rng)


def browsing_session(day: str, visit: Visit, rng: Random) -> list[Message]:
    """None to two views, one on average, of a customer who leaves without an order."""
    steps = BROWSING[int(3 * rng.random()) :]
    return _session(day, visit, steps, rng)


def _session(day: str, visit: Visit, steps: tuple[str, ...], rng: Random) -> list[Message]:
    """One click for each step, the last of them shortly before the moment of the visit."""
    if not steps:
        return []
    # A session starts after midnight, however early the visit is.
    longest_ms = min(LONGEST_SESSION_MS, visit.moment_ms)
    pause_ms = int(longest_ms * rng.random()) // len(steps)
    product_id = product_id_at(popular_index(rng))
    clicks = []
    for number, event in enumerate(steps, 1):
        clicked_at = timestamp(day, visit.moment_ms - pause_ms * (len(steps) + 1 - number))
        clicks.append(
            f'{{"click_id":"k-{visit.visit_id}-{number}","customer_id":"{visit.customer_id}",'
            f'"session_id":"s-{visit.visit_id}","clicked_at":"{clicked_at}","event":"{event}",'
            f"{_target(event, product_id)}}}"
        )
    return [Message(CLICKS, visit.key, click.encode()) for click in clicks]


def _target(event: str, product_id: str) -> str:
    """Where a click leads: to a product, or to the checkout, which has none."""
    if event == "checkout":
        return f'"product_id":null,"url":"{SHOP_URL}/checkout"'
    page = "products" if event == "view" else "cart"
    return f'"product_id":"{product_id}","url":"{SHOP_URL}/{page}/{product_id}"'
