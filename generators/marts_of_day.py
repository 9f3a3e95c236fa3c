"""What one day's facts add to the marts, once the day is over."""

from dataclasses import astuple, dataclass, field
from typing import Any, Self


@dataclass
class ProductSales:
    """The good orders of a product; refunds are those of these orders."""

    category: str = ""
    orders_count: int = 0
    units_count: int = 0
    revenue_eur_cents: int = 0
    refunded_units_count: int = 0
    refunded_eur_cents: int = 0


@dataclass
class CustomerSales:
    """The good orders of a customer; refunds are those of these orders."""

    orders_count: int = 0
    revenue_eur_cents: int = 0
    refunded_eur_cents: int = 0


@dataclass
class Takings:
    """The good orders of a minute in one currency, in cents of it."""

    orders_count: int = 0
    revenue_cents: int = 0


@dataclass
class Steps:
    """How far visits got in some time."""

    sessions_count: int = 0
    viewed_count: int = 0
    added_to_cart_count: int = 0
    checkout_count: int = 0

    def add(self, events: set[str]) -> None:
        """Count a visit in which these happened."""
        self.sessions_count += 1
        self.viewed_count += "view" in events
        self.added_to_cart_count += "add_to_cart" in events
        self.checkout_count += "checkout" in events


@dataclass
class Funnel(Steps):
    """How far the visits of a day got, and how many an order followed."""

    ordered_count: int = 0


@dataclass
class CampaignSales:
    """The good orders that followed a click on a campaign."""

    attributed_orders_count: int = 0
    attributed_revenue_eur_cents: int = 0


@dataclass
class Suspect:
    """A customer who placed many orders within ten minutes."""

    orders_count: int
    most_orders_in_10_minutes: int
    revenue_eur_cents: int


@dataclass
class MartsOfDay:
    """What the marts need to know of a day, by product, customer, campaign or time.

    A minute's key is its number and a currency, as in '615 EUR', an hour's its number.
    """

    products: dict[str, ProductSales] = field(default_factory=dict)
    customers: dict[str, CustomerSales] = field(default_factory=dict)
    funnel: Funnel = field(default_factory=Funnel)
    campaigns: dict[str, CampaignSales] = field(default_factory=dict)
    suspects: dict[str, Suspect] = field(default_factory=dict)
    minutes: dict[str, Takings] = field(default_factory=dict)
    hours: dict[str, Steps] = field(default_factory=dict)
    stock: dict[str, int] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """The same as JSON knows it; a record is the list of its values."""
        tables: dict[str, dict[str, Any]] = {
            "products": dict(self.products),
            "customers": dict(self.customers),
            "campaigns": dict(self.campaigns),
            "suspects": dict(self.suspects),
            "minutes": dict(self.minutes),
            "hours": dict(self.hours),
        }
        records: dict[str, Any] = {
            name: {key: list(astuple(record)) for key, record in sorted(table.items())}
            for name, table in tables.items()
        }
        return records | {"funnel": list(astuple(self.funnel)), "stock": self.stock}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """What `to_document` wrote.

        Raises: KeyError, TypeError or ValueError if the document is another.
        """
        return cls(
            {key: ProductSales(*values) for key, values in document["products"].items()},
            {key: CustomerSales(*values) for key, values in document["customers"].items()},
            Funnel(*document["funnel"]),
            {key: CampaignSales(*values) for key, values in document["campaigns"].items()},
            {key: Suspect(*values) for key, values in document["suspects"].items()},
            {key: Takings(*values) for key, values in document["minutes"].items()},
            {key: Steps(*values) for key, values in document["hours"].items()},
            dict(document["stock"]),
        )
