"""The catalogue: 200 products in 8 categories, of which four change their price each day."""

import json
from datetime import date
from random import Random
from typing import NamedTuple

CATEGORIES = {
    "Audio": ("Headphones", "Speaker", "Turntable", "Microphone", "Radio"),
    "Books": ("Atlas", "Cookbook", "Novel", "Dictionary", "Notebook"),
    "Garden": ("Rake", "Watering Can", "Parasol", "Planter", "Shears"),
    "Kitchen": ("Kettle", "Crème Brûlée Torch", "Saucepan", "Grinder", "Teapot"),
    "Office": ("Desk", "Lamp", "Stapler", "Chair", "Whiteboard"),
    "Sports": ("Racket", "Yoga Mat", "Dumbbell", "Helmet", "Rowing Machine"),
    "Toys": ("Puzzle", "Kite", "Train Set", "Marbles", "Robot"),
    "Travel": ("Suitcase", "Backpack", "Adapter", "Hammock", "Tent"),
}
STYLES = ("Classic", "Compact", "Nordic", "Vintage", "Pro")
PRODUCTS_COUNT = 200
PRICE_PERIOD_DAYS = 50


class Product(NamedTuple):
    """One product with the price it has on a day."""

    product_id: str
    name: str
    category: str
    list_price_cents: int
    updated_on: date


def popular_index(rng: Random) -> int:
    """The index of a product; sales fall along the catalogue, one in fourteen is the first."""
    u = rng.random()
    return int(PRODUCTS_COUNT * u * u)


def product_id_at(index: int) -> str:
    """The id of a product, the same on every day."""
    return f"prd-{index + 1:03d}"


def products(day: date, seed: int) -> list[Product]:
    """The whole catalogue as of the start of a day."""
    prices = Random(f"catalogue/{seed}")
    base_prices = [prices.randint(2, 250) * 100 - 1 for _ in range(PRODUCTS_COUNT)]
    return [_product(index, base_prices[index], day, seed) for index in range(PRODUCTS_COUNT)]


def _product(index: int, base_price_cents: int, day: date, seed: int) -> Product:
    """A product; every period of days it goes from its list price to a discount, or back."""
    categories = list(CATEGORIES)
    category = categories[index % len(categories)]
    number = index // len(categories)
    style, noun = STYLES[number % 5], CATEGORIES[category][number // 5]
    # Offsets spread the changes, so that each day 200 / 50 = 4 products change their price.
    offset = index % PRICE_PERIOD_DAYS
    period = (day.toordinal() + offset) // PRICE_PERIOD_DAYS
    discount_percent = Random(f"price/{seed}/{index}/{period}").randint(5, 30) if period % 2 else 0
    return Product(
        product_id=product_id_at(index),
        name=f"{style} {noun}",
        category=category,
        list_price_cents=base_price_cents * (100 - discount_percent) // 100,
        updated_on=date.fromordinal(period * PRICE_PERIOD_DAYS - offset),
    )


def to_rows(catalogue: list[Product]) -> list[bytes]:
    """One JSON document for each product."""
    return [
        json.dumps(
            {
                "product_id": product.product_id,
                "name": product.name,
                "category": product.category,
                "list_price_cents": product.list_price_cents,
                "currency": "EUR",
                "updated_at": f"{product.updated_on}T00:00:00.000Z",
            },
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()
        for product in catalogue
    ]
