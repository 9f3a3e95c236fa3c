"""Reviews: some hold an e-mail or a card number that must not be passed on."""

from collections.abc import Iterator
from random import Random

from generators.clock import DAY_MS, timestamp
from generators.messages import REVIEWS, Message
from generators.orders import Order
from generators.run import REVIEWED_SHARE

WITH_E_MAIL_SHARE = 0.1
WITH_CARD_SHARE = 0.05
CARD_DIGITS = 16
TEXTS = {
    1: ("Broke on the first day.", "Never again."),
    2: ("Smaller than in the picture.", "Took ages to come."),
    3: ("Does what it should.", "Fine for the price."),
    4: ("Good, the box was dented.", "Très bien, livraison un peu lente."),
    5: ("Exactly what I wanted!", "Würde ich wieder kaufen.", "Love it \N{SPARKLES}"),
}


def review(day: str, order: Order, rng: Random) -> Iterator[Message]:
    """Now and then a review of the first product of an order."""
    if rng.random() >= REVIEWED_SHARE:
        return
    visit = order.visit
    rating = 5 - int(5 * rng.random() ** 2)
    texts = TEXTS[rating]
    text = texts[int(len(texts) * rng.random())] + _secret(order, rng)
    moment_ms = visit.moment_ms + int((DAY_MS - visit.moment_ms) * rng.random())
    value = (
        f'{{"review_id":"v-{visit.visit_id}","order_id":"o-{visit.visit_id}",'
        f'"customer_id":"{visit.customer_id}","product_id":"{order.lines[0].product_id}",'
        f'"rating":{rating},"text":"{text}","reviewed_at":"{timestamp(day, moment_ms)}"}}'
    )
    yield Message(REVIEWS, visit.key, value.encode())


def _secret(order: Order, rng: Random) -> str:
    u = rng.random()
    if u < WITH_E_MAIL_SHARE:
        return f" Write to {order.visit.customer_id}@mail.example!"
    if u < WITH_E_MAIL_SHARE + WITH_CARD_SHARE:
        return f" I paid with {card_number(rng)}."
    return ""


def card_number(rng: Random) -> str:
    """A number whose check digit (Luhn) is right, in blocks of four."""
    digits = [4, *(int(10 * rng.random()) for _ in range(CARD_DIGITS - 2))]
    # Counted from the check digit, every second digit is doubled, and 12 is 1 + 2.
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[::2])
    digits.append(-(doubled + sum(digits[1::2])) % 10)
    text = "".join(map(str, digits))
    return " ".join(text[start : start + 4] for start in range(0, CARD_DIGITS, 4))
