"""What the good records of a run say in numbers: the marts must arrive at the sums of these."""

from typing import NamedTuple


class Sale(NamedTuple):
    """One line of an order, with what it adds to the revenue."""

    order_id: str
    line_number: int
    product_id: str
    category: str
    quantity: int
    revenue_eur_cents: int


class OrderPlaced(NamedTuple):
    """One order and its moment, in milliseconds of the run's day; the total in its currency."""

    order_id: str
    customer_id: str
    ordered_ms: int
    currency: str
    total_cents: int


class Clicked(NamedTuple):
    """One click and its moment, in milliseconds of the run's day; no campaign is ''."""

    click_id: str
    session_id: str
    customer_id: str
    clicked_ms: int
    event: str
    campaign_id: str


class Refunded(NamedTuple):
    """Money back for some pieces of an order line, at the exchange rate of the order's day.

    It counts nowhere but in the stock if its order is not good.
    """

    order_id: str
    line_number: int
    quantity: int
    amount_eur_cents: int
    product_id: str


class Stocked(NamedTuple):
    """Pieces that came into the warehouse on a day; negative for those that left."""

    product_id: str
    units: int


class Spent(NamedTuple):
    """What a campaign cost and reached on a day."""

    platform: str
    campaign_id: str
    impressions: int
    clicks: int
    spend_eur_cents: int


Fact = Sale | OrderPlaced | Clicked | Refunded | Stocked | Spent
