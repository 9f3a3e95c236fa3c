"""Orders: one to five lines, priced in the customer's currency."""

from datetime import date
from random import Random
from typing import NamedTuple

from generators.clock import timestamp
from generators.customers import Visit
from generators.facts import OrderPlaced, Sale
from generators.fx_rates import from_eur_cents, fx_rates, to_eur_cents
from generators.messages import ORDERS, Message
from generators.products import popular_index, products

MOST_LINES = 5
MOST_UNITS = 4


class Line(NamedTuple):
    """One line of an order, priced in the order's currency."""

    number: int
    product_id: str
    quantity: int
    unit_price_cents: int


class Order(NamedTuple):
    """What follows from an order needs to know this of it. `rate_micros` is euros per unit."""

    visit: Visit
    lines: tuple[Line, ...]
    total_cents: int
    rate_micros: int
    message: Message


class Till:
    """Where orders are placed on a day: it knows the catalogue and the exchange rates."""

    def __init__(self, day: date, seed: int) -> None:
        self._day = str(day)
        self._catalogue = products(day, seed)
        self._rates = fx_rates(day, seed)
        self._prices = {
            currency: [
                from_eur_cents(product.list_price_cents, rate) for product in self._catalogue
            ]
            for currency, rate in self._rates.items()
        }

    def order(self, visit: Visit, rng: Random) -> Order:
        """The order a visit ends in."""
        lines, sales, total_cents = [], [], 0
        prices, rate = self._prices[visit.currency], self._rates[visit.currency]
        for number in range(1, 2 + int(MOST_LINES * rng.random())):
            index = popular_index(rng)
            u = rng.random()
            quantity = 1 + int(MOST_UNITS * u * u)
            product, price = self._catalogue[index], prices[index]
            lines.append(Line(number, product.product_id, quantity, price))
            cents = quantity * price
            total_cents += cents
            sales.append(
                Sale(
                    f"o-{visit.visit_id}",
                    number,
                    product.product_id,
                    product.category,
                    quantity,
                    to_eur_cents(cents, rate),
                )
            )
        placed = OrderPlaced(
            f"o-{visit.visit_id}", visit.customer_id, visit.moment_ms, visit.currency, total_cents
        )
        value = self._value(visit, lines, total_cents)
        message = Message(ORDERS, visit.key, value, facts=(placed, *sales))
        return Order(visit, tuple(lines), total_cents, rate, message)

    def _value(self, visit: Visit, lines: list[Line], total_cents: int) -> bytes:
        items = ",".join(
            f'{{"line_number":{number},"product_id":"{product_id}",'
            f'"quantity":{quantity},"unit_price_cents":{price}}}'
            for number, product_id, quantity, price in lines
        )
        return (
            f'{{"order_id":"o-{visit.visit_id}","customer_id":"{visit.customer_id}",'
            f'"ordered_at":"{timestamp(self._day, visit.moment_ms)}",'
            f'"currency":"{visit.currency}","items":[{items}],'
            f'"total_cents":{total_cents}}}'
        ).encode()
