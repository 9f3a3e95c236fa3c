"""The suppliers' price lists: CSV files whose columns drift from day to day."""

from datetime import date
from random import Random
from typing import NamedTuple

from generators.products import PRODUCTS_COUNT, product_id_at

SUPPLIERS_COUNT = 4
COLUMNS = ("supplier_id", "product_id", "price_cents", "currency", "valid_from")
REORDERED = ("currency", "valid_from", "supplier_id", "product_id", "price_cents")
USUAL, OTHER_ORDER, ONE_MORE, RENAMED, SEMICOLONS = (
    "usual",
    "other_order",
    "one_more",
    "renamed",
    "semicolons",
)
DRIFT_WEIGHTS = {USUAL: 5, OTHER_ORDER: 2, ONE_MORE: 2, RENAMED: 2, SEMICOLONS: 1}
# Lists of these two lack a column of the contract, all of it in the second case.
UNREADABLE = (RENAMED, SEMICOLONS)


class PriceList(NamedTuple):
    """One supplier's list of a day as its file says it."""

    supplier_id: str
    drift: str
    header: bytes
    rows: tuple[bytes, ...]


def price_lists(day: date, seed: int) -> list[PriceList]:
    """The lists of a day, one for each supplier; each product is on one of them."""
    return [_price_list(number, day, seed) for number in range(1, SUPPLIERS_COUNT + 1)]


def _price_list(number: int, day: date, seed: int) -> PriceList:
    supplier_id = f"sup-{number}"
    rng = Random(f"suppliers/{seed}/{day}/{number}")
    drift = rng.choices(list(DRIFT_WEIGHTS), list(DRIFT_WEIGHTS.values()))[0]
    columns = REORDERED if drift == OTHER_ORDER else COLUMNS
    names = [*columns, "pack_units"] if drift == ONE_MORE else list(columns)
    separator = ";" if drift == SEMICOLONS else ","
    rows = []
    for index in range(number - 1, PRODUCTS_COUNT, SUPPLIERS_COUNT):
        cells = {
            "supplier_id": supplier_id,
            "product_id": product_id_at(index),
            "price_cents": str(rng.randint(100, 15_000)),
            "currency": "EUR",
            "valid_from": str(day),
            "pack_units": str(rng.choice((1, 6, 12))),
        }
        rows.append(separator.join(cells[name] for name in names).encode())
    told = ["unit_price" if name == "price_cents" and drift == RENAMED else name for name in names]
    return PriceList(supplier_id, drift, separator.join(told).encode(), tuple(rows))
