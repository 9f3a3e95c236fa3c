"""The shop's database as a day finds it, and what the day changes in it.

Both are functions of the seed and the day. Movements of stock follow from the day's messages and
are not here; see generators/stock.py.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Literal, NamedTuple

from generators import people
from generators.clock import DAY_MS
from generators.customers import CUSTOMERS_COUNT, currencies, customer_id_at
from generators.people import Row
from generators.products import PRODUCTS_COUNT, Product, product_id_at, products

KEYS = {
    "customers": "customer_id",
    "addresses": "address_id",
    "products": "product_id",
    "inventory": "product_id",
}
OLDEST_CUSTOMER_DAYS = 700
CHANGED_PER_DAY = CUSTOMERS_COUNT // 200
MOVED_PER_DAY = 30
DELETED_PER_DAY = 5
NEW_PER_DAY = 8
RESTOCKED_PER_DAY = 2


class Change(NamedTuple):
    """One row that is inserted, updated (`values` are the new ones only) or deleted (no values)."""

    moment: datetime
    kind: Literal["insert", "update", "delete"]
    table: str
    key: str
    values: Row


def midnight(day: date) -> datetime:
    """The first instant of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def opening(day: date, seed: int) -> dict[str, list[Row]]:
    """Table -> its rows at the start of the first day that the database lives through."""
    rng = Random(f"opening/{seed}")
    customers, addresses = [], []
    for index, currency in enumerate(currencies(seed)):
        age = timedelta(milliseconds=1 + rng.randrange(OLDEST_CUSTOMER_DAYS * DAY_MS))
        customer_id, created_at = customer_id_at(index), midnight(day) - age
        customers.append(people.customer(customer_id, created_at, rng))
        addresses.append(people.address(customer_id, currency, created_at, rng))
    stocked_at = midnight(day - timedelta(days=1))
    inventory = [
        {"product_id": product_id_at(index), **_stocking(rng), "updated_at": stocked_at}
        for index in range(PRODUCTS_COUNT)
    ]
    return {
        "customers": customers,
        "addresses": addresses,
        "products": [_product_row(item) for item in products(day - timedelta(days=1), seed)],
        "inventory": inventory,
    }


def changes(day: date, seed: int) -> list[Change]:
    """What a day changes, in the order of its moments. An update of a row that is gone is none."""
    rng = Random(f"changes/{seed}/{day}")
    counts = (CHANGED_PER_DAY, MOVED_PER_DAY, DELETED_PER_DAY)
    picked = iter(rng.sample(range(CUSTOMERS_COUNT), sum(counts)))
    changed, moved, deleted = ([next(picked) for _ in range(count)] for count in counts)
    paid_in = currencies(seed)
    found = [*_new_prices(day, seed), *_newcomers(day, paid_in, rng)]
    for index in changed:
        found.append(_changed(customer_id_at(index), _moment(day, rng), rng))
    for index in moved:
        moment, values = _moment(day, rng), people.home(paid_in[index], rng)
        found.append(_update(moment, "addresses", people.address_id(customer_id_at(index)), values))
    for index in deleted:
        found.append(Change(_moment(day, rng), "delete", "customers", customer_id_at(index), {}))
    for index in rng.sample(range(PRODUCTS_COUNT), RESTOCKED_PER_DAY):
        found.append(_update(_moment(day, rng), "inventory", product_id_at(index), _stocking(rng)))
    return sorted(found, key=lambda change: change.moment)


def after_first_day(day: date, seed: int) -> dict[str, list[Row]]:
    """Table -> its rows at the end of the first day that the database lives through."""
    tables = {
        table: {row[KEYS[table]]: row for row in rows} for table, rows in opening(day, seed).items()
    }
    for change in changes(day, seed):
        if change.kind == "delete":
            # Only customers are deleted, and their address goes with them.
            del tables["customers"][change.key]
            del tables["addresses"][people.address_id(change.key)]
        else:
            known = tables[change.table].get(change.key, {})
            tables[change.table][change.key] = {**known, **change.values}
    return {table: list(rows.values()) for table, rows in tables.items()}


def _new_prices(day: date, seed: int) -> Iterator[Change]:
    for item in products(day, seed):
        if item.updated_on == day:
            values = {"list_price_cents": item.list_price_cents}
            yield _update(midnight(day), "products", item.product_id, values)


def _newcomers(day: date, paid_in: list[str], rng: Random) -> Iterator[Change]:
    for number in range(1, NEW_PER_DAY + 1):
        customer_id, moment = f"c-{day:%Y%m%d}-{number}", _moment(day, rng)
        customer = people.customer(customer_id, moment, rng)
        home = people.address(customer_id, rng.choice(paid_in), moment, rng)
        yield Change(moment, "insert", "customers", customer_id, customer)
        yield Change(moment, "insert", "addresses", home["address_id"], home)


def _changed(customer_id: str, moment: datetime, rng: Random) -> Change:
    column = rng.choice(("segment", "phone", "email"))
    values = {
        "segment": people.segment(rng),
        "phone": people.phone(rng),
        "email": people.email(customer_id, rng),
    }
    return _update(moment, "customers", customer_id, {column: values[column]})


def _update(moment: datetime, table: str, key: str, values: Row) -> Change:
    return Change(moment, "update", table, key, {**values, "updated_at": moment})


def _moment(day: date, rng: Random) -> datetime:
    return midnight(day) + timedelta(milliseconds=rng.randrange(DAY_MS))


def _stocking(rng: Random) -> Row:
    return {"reorder_point_units": rng.randrange(5, 40), "lead_time_days": rng.randrange(2, 22)}


def _product_row(item: Product) -> Row:
    return {
        "product_id": item.product_id,
        "name": item.name,
        "category": item.category,
        "list_price_cents": item.list_price_cents,
        "currency": "EUR",
        "updated_at": midnight(item.updated_on),
    }
