"""A day's facts noted as they pass, and what they add to the marts once the day is over."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from generators.facts import Clicked, Fact, OrderPlaced, Refunded, Sale, Stocked
from generators.marts_of_day import (
    CampaignSales,
    CustomerSales,
    MartsOfDay,
    ProductSales,
    Steps,
    Suspect,
    Takings,
)

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
PATIENCE_MS = 30 * 60_000
FRAUD_WINDOW_MS = 10 * 60_000
FRAUD_ORDERS = 3


class _Order(NamedTuple):
    """A good order."""

    customer_id: str
    ordered_ms: int
    revenue_eur_cents: int
    line_numbers: tuple[int, ...]


@dataclass
class _Session:
    """A visit; `first` and `last` are its ends as (moment, click id)."""

    customer_id: str
    first: tuple[int, str]
    last: tuple[int, str]
    events: set[str]


class Journal:
    """Notes a day's facts, in any order, in the marts; they are complete once it is closed."""

    def __init__(self, marts: MartsOfDay) -> None:
        self.marts = marts
        self._orders: dict[str, _Order] = {}
        self._refunds: list[Refunded] = []
        self._sessions: dict[str, _Session] = {}
        self._hours: dict[tuple[int, str], set[str]] = defaultdict(set)
        self._touches: dict[str, list[tuple[int, str, str]]] = defaultdict(list)

    def add(self, facts: Iterable[Fact]) -> None:
        """Nothing; the facts of one message, or those of the day that are in none, are noted."""
        sales = []
        placed: OrderPlaced | None = None
        for fact in facts:
            if isinstance(fact, Sale):
                sales.append(fact)
            elif isinstance(fact, OrderPlaced):
                placed = fact
            elif isinstance(fact, Clicked):
                self._click(fact)
            elif isinstance(fact, Refunded):
                self._refunds.append(fact)
            elif isinstance(fact, Stocked):
                stock = self.marts.stock
                stock[fact.product_id] = stock.get(fact.product_id, 0) + fact.units
        if placed:
            self._sell(placed, sales)

    def _sell(self, placed: OrderPlaced, sales: list[Sale]) -> None:
        revenue = sum(sale.revenue_eur_cents for sale in sales)
        numbers = tuple(sale.line_number for sale in sales)
        self._orders[placed.order_id] = _Order(
            placed.customer_id, placed.ordered_ms, revenue, numbers
        )
        customer = self.marts.customers.setdefault(placed.customer_id, CustomerSales())
        customer.orders_count += 1
        customer.revenue_eur_cents += revenue
        minute = f"{placed.ordered_ms // MINUTE_MS} {placed.currency}"
        takings = self.marts.minutes.setdefault(minute, Takings())
        takings.orders_count += 1
        takings.revenue_cents += placed.total_cents
        for sale in sales:
            product = self.marts.products.setdefault(sale.product_id, ProductSales(sale.category))
            product.units_count += sale.quantity
            product.revenue_eur_cents += sale.revenue_eur_cents
        for product_id in {sale.product_id for sale in sales}:
            self.marts.products[product_id].orders_count += 1

    def _click(self, click: Clicked) -> None:
        moment = (click.clicked_ms, click.click_id)
        visit = self._sessions.get(click.session_id)
        if visit is None:
            visit = _Session(click.customer_id, moment, moment, set())
            self._sessions[click.session_id] = visit
        elif moment < visit.first:
            visit.customer_id, visit.first = click.customer_id, moment
        visit.last = max(visit.last, moment)
        visit.events.add(click.event)
        self._hours[click.clicked_ms // HOUR_MS, click.session_id].add(click.event)
        if click.campaign_id:
            self._touches[click.customer_id].append((*moment, click.campaign_id))

    def close(self) -> None:
        """Nothing; what needs the whole day is in the marts, and the single facts are forgotten."""
        for refund in self._refunds:
            self._refund(refund)
        by_customer: dict[str, list[_Order]] = defaultdict(list)
        for order in self._orders.values():
            by_customer[order.customer_id].append(order)
        moments: dict[str, list[int]] = {}
        for customer_id, orders in by_customer.items():
            moments[customer_id] = sorted(order.ordered_ms for order in orders)
            self._attribute(sorted(self._touches.get(customer_id, ())), orders)
            self._suspect(customer_id, moments[customer_id])
        for visit in self._sessions.values():
            self._funnel(visit, moments.get(visit.customer_id, []))
        for (hour, _), events in self._hours.items():
            self.marts.hours.setdefault(str(hour), Steps()).add(events)
        for done in (self._orders, self._refunds, self._sessions, self._hours, self._touches):
            done.clear()

    def _refund(self, refund: Refunded) -> None:
        order = self._orders.get(refund.order_id)
        if order is None or refund.line_number not in order.line_numbers:
            return
        self.marts.customers[order.customer_id].refunded_eur_cents += refund.amount_eur_cents
        product = self.marts.products[refund.product_id]
        product.refunded_units_count += refund.quantity
        product.refunded_eur_cents += refund.amount_eur_cents

    def _attribute(self, touches: list[tuple[int, str, str]], orders: list[_Order]) -> None:
        moments = [moment for moment, _, _ in touches]
        for order in orders:
            before = bisect_right(moments, order.ordered_ms)
            if before:
                campaign_id = touches[before - 1][2]
                sales = self.marts.campaigns.setdefault(campaign_id, CampaignSales())
                sales.attributed_orders_count += 1
                sales.attributed_revenue_eur_cents += order.revenue_eur_cents

    def _suspect(self, customer_id: str, moments: list[int]) -> None:
        most = max(
            bisect_left(moments, moment + FRAUD_WINDOW_MS) - number
            for number, moment in enumerate(moments)
        )
        if most >= FRAUD_ORDERS:
            revenue = self.marts.customers[customer_id].revenue_eur_cents
            self.marts.suspects[customer_id] = Suspect(len(moments), most, revenue)

    def _funnel(self, visit: _Session, order_moments: list[int]) -> None:
        funnel = self.marts.funnel
        next_order = bisect_left(order_moments, visit.first[0])
        until = visit.last[0] + PATIENCE_MS
        is_ordered = next_order < len(order_moments) and order_moments[next_order] <= until
        funnel.add(visit.events)
        funnel.ordered_count += is_ordered
