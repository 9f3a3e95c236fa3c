"""Orders: one to five lines, priced in the customer's currency."""

from datetime import date
from random import Random
from typing import NamedTuple

from generators.clock import timestamp
from generators.customers import Visit
from generators.fx_rates import from_eur_cents, fx_rates, to_eur_cents
from generators.messages import ORDERS, Message, Sale
from generators.products import popular_index, products

MOST_LINES = 5
MOST_UNITS = 4


class Order(NamedTuple):
    """What a payment and the clicks before it need to know of an order, and its message."""

    visit: Visit
    total_cents: int
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
            lines.append(
                f'{{"line_number":{number},"product_id":"{product.product_id}",'
                f'"quantity":{quantity},"unit_price_cents":{price}}}'
            )
            cents = quantity * price
            total_cents += cents
            sales.append(Sale(product.category, quantity, to_eur_cents(cents, rate)))
        value = (
            f'{{"order_id":"o-{visit.visit_id}","customer_id":"{visit.customer_id}",'
            f'"ordered_at":"{timestamp(self._day, visit.moment_ms)}",'
            f'"currency":"{visit.currency}","items":[{",".join(lines)}],'
            f'"total_cents":{total_cents}}}'
        )
        message = Message(ORDERS, visit.key, value.encode(), sales=tuple(sales))
        return Order(visit, total_cents, message)
