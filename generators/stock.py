"""The stock: what came into the warehouse on a day and what left it, once the day is over."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from generators.facts import Refunded, Sale, Stocked
from generators.messages import Message
from generators.products import PRODUCTS_COUNT, product_id_at
from generators.run import Run
from generators.shop_tables import midnight

SHORT_SHARE = 0.1
LARGEST_SURPLUS = 0.3
PACK_UNITS = 10
ADJUSTED_PER_DAY = 2
LARGEST_ADJUSTMENT = 3
HOURS = {"receipt": 6, "return": 21, "adjustment": 22, "sale": 23}


class Movement(NamedTuple):
    """Pieces of a product that came (positive) or left (negative)."""

    movement_id: str
    product_id: str
    kind: str
    units: int
    moved_at: datetime


class Stockroom:
    """Keeps the books of a run: complete once all its messages went through `counting`.

    Good orders take pieces out, good refunds bring them back, each product once a day in one
    movement. Suppliers bring a little more than was sold, except when they are short. What a day
    leaves of a product is never below zero, so no sum over days is.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sold = Counter[str]()
        self._returned = Counter[str]()

    def counting(self, messages: Iterable[Message]) -> Iterator[Message]:
        """The same messages, what they sell and bring back noted as they pass."""
        for message in messages:
            for fact in message.facts:
                if isinstance(fact, Sale):
                    self._sold[fact.product_id] += fact.quantity
                elif isinstance(fact, Refunded):
                    self._returned[fact.product_id] += fact.quantity
            yield message

    def movements(self) -> list[Movement]:
        """The day's movements, in the order in which they are booked."""
        rng = Random(f"stock/{self._run.seed}/{self._run.day}")
        found = [
            self._movement("sale", product_id, -units) for product_id, units in self._sold.items()
        ]
        found += [self._movement("return", *returned) for returned in self._returned.items()]
        for index in range(PRODUCTS_COUNT):
            units = _received(self._sold[product_id_at(index)], rng)
            if units:
                found.append(self._movement("receipt", product_id_at(index), units))
        left = Counter[str]()
        for movement in found:
            left[movement.product_id] += movement.units
        for index in rng.sample(range(PRODUCTS_COUNT), ADJUSTED_PER_DAY):
            units = rng.choice((-1, 1)) * rng.randint(1, LARGEST_ADJUSTMENT)
            product_id = product_id_at(index)
            is_there = left[product_id] + units >= 0
            found.append(self._movement("adjustment", product_id, units if is_there else -units))
        return sorted(found, key=lambda movement: (movement.moved_at, movement.product_id))

    def facts(self) -> list[Stocked]:
        """What the day adds to the stock of each product that moved."""
        total = Counter[str]()
        for movement in self.movements():
            total[movement.product_id] += movement.units
        return [Stocked(product_id, units) for product_id, units in sorted(total.items())]

    def _movement(self, kind: str, product_id: str, units: int) -> Movement:
        run = self._run
        return Movement(
            f"i-{run.day:%Y%m%d}-{run.seed}-{kind}-{product_id.removeprefix('prd-')}",
            product_id,
            kind,
            units,
            midnight(run.day) + timedelta(hours=HOURS[kind]),
        )


def _received(sold: int, rng: Random) -> int:
    """Whole packs for what is sold and up to a third more; no more from a supplier who is short."""
    surplus, u = LARGEST_SURPLUS * rng.random(), rng.random()
    if u < SHORT_SHARE:
        surplus = 0
    return -(-int(sold * (1 + surplus)) // PACK_UNITS) * PACK_UNITS
