"""The stock: what good orders take out, refunds bring back and suppliers deliver."""

from collections import Counter
from datetime import date, timedelta

import pytest

from generators.facts import Refunded, Sale, Stocked
from generators.messages import GOOD, Message
from generators.run import Defects, Run
from generators.shop import stream
from generators.shop_tables import midnight
from generators.stock import Movement, Stockroom

RUN = Run(date(2026, 1, 5), 2_000, 7, Defects.totalling(0.2))
NEXT_RUN = Run(date(2026, 1, 6), 2_000, 7)


def booked(run: Run) -> Stockroom:
    stockroom = Stockroom(run)
    for _ in stockroom.counting(stream(run)):
        pass
    return stockroom


def of_kind(movements: list[Movement], kind: str) -> dict[str, int]:
    found = {item.product_id: item.units for item in movements if item.kind == kind}
    assert len(found) == len([item for item in movements if item.kind == kind])
    return found


@pytest.fixture(scope="module")
def movements() -> list[Movement]:
    return booked(RUN).movements()


def test_a_sale_and_a_return_for_each_product_hold_the_day_s_units(
    movements: list[Movement],
) -> None:
    sold, returned = Counter[str](), Counter[str]()
    for message in stream(RUN):
        for fact in message.facts:
            if isinstance(fact, Sale):
                sold[fact.product_id] -= fact.quantity
            elif isinstance(fact, Refunded):
                returned[fact.product_id] += fact.quantity
    assert of_kind(movements, "sale") == dict(sold)
    assert of_kind(movements, "return") == dict(returned)


def test_the_stockroom_hands_every_message_on() -> None:
    assert list(Stockroom(RUN).counting(stream(RUN))) == list(stream(RUN))


def test_suppliers_bring_whole_packs_for_what_was_sold_and_some_are_short(
    movements: list[Movement],
) -> None:
    sold, received = of_kind(movements, "sale"), of_kind(movements, "receipt")
    assert received.keys() == sold.keys()
    for product_id, units in received.items():
        assert units % 10 == 0
        assert -sold[product_id] <= units < -1.3 * sold[product_id] + 10
    just_enough = [sold[product_id] + units < 10 for product_id, units in received.items()]
    assert 0.1 < sum(just_enough) / len(sold) < 0.6


def test_no_day_takes_out_more_than_it_brought(movements: list[Movement]) -> None:
    assert min(fact.units for fact in booked(RUN).facts()) >= 0
    emptied = Stockroom(Run(date(2026, 1, 8), 50, 7))
    assert {item.units > 0 for item in emptied.movements()} == {True}


def test_stocktaking_corrects_two_products_a_little(movements: list[Movement]) -> None:
    adjusted = of_kind(movements, "adjustment")
    assert len(adjusted) == 2
    assert all(1 <= abs(units) <= 3 for units in adjusted.values())


def test_movements_are_within_the_day_and_their_ids_are_unique_for_ever(
    movements: list[Movement],
) -> None:
    moments = [item.moved_at for item in movements]
    assert moments == sorted(moments)
    assert midnight(RUN.day) < moments[0] <= moments[-1] < midnight(RUN.day) + timedelta(days=1)
    ids = [item.movement_id for item in [*movements, *booked(NEXT_RUN).movements()]]
    assert len(set(ids)) == len(ids)


def test_the_day_s_facts_are_the_sums_of_its_movements(movements: list[Movement]) -> None:
    total = Counter[str]()
    for item in movements:
        total[item.product_id] += item.units
    facts = booked(RUN).facts()
    assert facts == [Stocked(product_id, units) for product_id, units in sorted(total.items())]


def test_what_is_not_good_moves_nothing() -> None:
    message = next(m for m in stream(Run(RUN.day, 50, 7, Defects.totalling(0))) if m.facts)
    spoiled = Message(message.topic, message.key, message.value, label="wrong_type")
    stockroom = Stockroom(RUN)
    assert [found.label for found in stockroom.counting([spoiled])] != [GOOD]
    assert {item.kind for item in stockroom.movements()} == {"adjustment"}
