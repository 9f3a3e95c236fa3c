"""Social mentions: of some authors only the platform is known."""

from collections.abc import Iterator
from random import Random

from generators.clock import DAY_MS, timestamp
from generators.messages import SOCIAL_MENTIONS, Message
from generators.orders import Order
from generators.run import MENTIONED_SHARE

UNKNOWN_AUTHOR_SHARE = 0.3
NO_PRODUCT_SHARE = 0.4
PLATFORMS = ("instagram", "reddit", "tiktok", "x", "youtube")
TEXTS = ("Unboxing!", "Worth the wait", "Who else shops here?", "Meh.", "Merci l'équipe")


def mention(day: str, order: Order, rng: Random) -> Iterator[Message]:
    """Now and then somebody talks about an order in public."""
    if rng.random() >= MENTIONED_SHARE:
        return
    visit = order.visit
    platform = PLATFORMS[int(len(PLATFORMS) * rng.random())]
    is_known = rng.random() >= UNKNOWN_AUTHOR_SHARE
    is_about_product = rng.random() >= NO_PRODUCT_SHARE
    author = f'"{visit.customer_id}"' if is_known else "null"
    product = f'"{order.lines[0].product_id}"' if is_about_product else "null"
    moment_ms = visit.moment_ms + int((DAY_MS - visit.moment_ms) * rng.random())
    value = (
        f'{{"mention_id":"m-{visit.visit_id}","customer_id":{author},"platform":"{platform}",'
        f'"text":"{TEXTS[int(len(TEXTS) * rng.random())]}","product_id":{product},'
        f'"mentioned_at":"{timestamp(day, moment_ms)}"}}'
    )
    yield Message(SOCIAL_MENTIONS, visit.key if is_known else platform.encode(), value.encode())
