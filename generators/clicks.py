"""Clicks: sessions that end in an order, and sessions that only look around."""

from random import Random

from generators.campaigns import drawn_campaign, tagged
from generators.clock import timestamp
from generators.customers import Visit
from generators.facts import Clicked
from generators.messages import CLICKS, Message
from generators.products import popular_index, product_id_at

LONGEST_SESSION_MS = 1_200_000
ORDERING = ("view", "add_to_cart", "checkout")
BROWSING = ("view", "view")
SHOP_URL = "https://shop.example"


class Pages:
    """The shop's pages on a day; which ad a visitor comes from is drawn from `ads`."""

    def __init__(self, day: str, ads: Random) -> None:
        self._day = day
        self._ads = ads

    def ordering_session(self, visit: Visit, rng: Random) -> list[Message]:
        """The last one to three steps to a checkout, two on average."""
        return self._session(visit, ORDERING[int(3 * rng.random()) :], rng)

    def browsing_session(self, visit: Visit, rng: Random) -> list[Message]:
        """None to two views, one on average, of a customer who leaves without an order."""
        return self._session(visit, BROWSING[int(3 * rng.random()) :], rng)

    def _session(self, visit: Visit, steps: tuple[str, ...], rng: Random) -> list[Message]:
        """One click for each step, the last of them shortly before the moment of the visit.

        An ad leads to the first page of a session, and only its address names the campaign.
        """
        if not steps:
            return []
        # A session starts after midnight, however early the visit is.
        longest_ms = min(LONGEST_SESSION_MS, visit.moment_ms)
        pause_ms = int(longest_ms * rng.random()) // len(steps)
        product_id = product_id_at(popular_index(rng))
        campaigns = (drawn_campaign(self._ads), *[""] * (len(steps) - 1))
        clicks = []
        for number, (event, campaign) in enumerate(zip(steps, campaigns, strict=True), 1):
            clicked = Clicked(
                f"k-{visit.visit_id}-{number}",
                f"s-{visit.visit_id}",
                visit.customer_id,
                visit.moment_ms - pause_ms * (len(steps) + 1 - number),
                event,
                campaign,
            )
            value = self._value(clicked, product_id)
            clicks.append(Message(CLICKS, visit.key, value, facts=(clicked,)))
        return clicks

    def _value(self, click: Clicked, product_id: str) -> bytes:
        return (
            f'{{"click_id":"{click.click_id}","customer_id":"{click.customer_id}",'
            f'"session_id":"{click.session_id}",'
            f'"clicked_at":"{timestamp(self._day, click.clicked_ms)}","event":"{click.event}",'
            f"{_target(click, product_id)}}}"
        ).encode()


def _target(click: Clicked, product_id: str) -> str:
    """Where a click leads: to a product, or to the checkout, which has none."""
    if click.event == "checkout":
        url = tagged(f"{SHOP_URL}/checkout", click.campaign_id)
        return f'"product_id":null,"url":"{url}"'
    page = "products" if click.event == "view" else "cart"
    url = tagged(f"{SHOP_URL}/{page}/{product_id}", click.campaign_id)
    return f'"product_id":"{product_id}","url":"{url}"'
