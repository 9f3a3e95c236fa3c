"""What the marts must hold after all published days, from what the generators know of each."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from generators import ads
from generators.shop_tables import changes, opening
from generators.truth import Truth
from jobs.errors import LakeproofError

# A mart: its keys -> its other columns by name.
Row = dict[str, Any]
Mart = dict[tuple[Any, ...], Row]
ROAS_STEP = Decimal("0.0001")
RATE_STEP = Decimal("0.000001")
INVENTORY = "inventory"


def expected(truths: Sequence[Truth]) -> dict[str, Mart]:
    """Every mart by name, as it must be after the days of these truths.

    Raises: LakeproofError if two truths tell of one day: what a customer did in one run would
    matter for the other.
    """
    days = [truth.day for truth in truths]
    twice = sorted(day for day, count in Counter(days).items() if count > 1)
    if twice:
        raise LakeproofError(
            f"Two runs tell of {twice[0]}. Publish one run a day, or each into its own namespace."
        )
    in_time = sorted(truths, key=lambda truth: truth.day)
    return {name: dict(rows(in_time)) for name, rows in MARTS.items()}


Rows = Iterator[tuple[tuple[Any, ...], Row]]


def _daily_revenue(truths: Sequence[Truth]) -> Rows:
    for truth in truths:
        for group, sales in truth.sales.items():
            yield group, dict(vars(sales))


def _product_performance(truths: Sequence[Truth]) -> Rows:
    for truth in truths:
        for product_id, sales in truth.marts.products.items():
            row = dict(vars(sales))
            del row["category"]
            yield (truth.day, product_id), row


def _refund_rate(truths: Sequence[Truth]) -> Rows:
    measures = ("units_count", "refunded_units_count", "revenue_eur_cents", "refunded_eur_cents")
    total: Mart = defaultdict(lambda: dict.fromkeys(measures, 0))
    for truth in truths:
        for sales in truth.marts.products.values():
            for measure in measures:
                total[truth.day, sales.category][measure] += getattr(sales, measure)
    for group, row in total.items():
        rate = _share(row["refunded_eur_cents"], row["revenue_eur_cents"], RATE_STEP)
        yield group, {**row, "refund_rate": rate if rate is not None else Decimal(0)}


def _customer_lifetime_value(truths: Sequence[Truth]) -> Rows:
    total: Mart = {}
    for truth in truths:
        for customer_id, sales in truth.marts.customers.items():
            start = {"first_order_date": truth.day, **dict.fromkeys(vars(sales), 0)}
            row = total.setdefault((customer_id,), start)
            row["last_order_date"] = truth.day
            for measure, number in vars(sales).items():
                row[measure] += number
    for group, row in total.items():
        net = row["revenue_eur_cents"] - row["refunded_eur_cents"]
        yield group, {**row, "net_revenue_eur_cents": net}


def _cohort_retention(truths: Sequence[Truth]) -> Rows:
    cohorts: dict[str, date] = {}
    active: dict[tuple[date, int], set[str]] = defaultdict(set)
    for truth in truths:
        month = truth.day.replace(day=1)
        for customer_id in truth.marts.customers:
            cohort = cohorts.setdefault(customer_id, month)
            months_since = 12 * (month.year - cohort.year) + month.month - cohort.month
            active[cohort, months_since].add(customer_id)
    sizes = Counter(cohorts.values())
    for group, customers in active.items():
        counts = {"customers_count": sizes[group[0]], "active_customers_count": len(customers)}
        yield group, counts


def _conversion_funnel(truths: Sequence[Truth]) -> Rows:
    for truth in truths:
        if truth.marts.funnel.sessions_count:
            yield (truth.day,), dict(vars(truth.marts.funnel))


def _campaign_performance(truths: Sequence[Truth]) -> Rows:
    days = {truth.day for truth in truths}
    for truth in truths:
        spent = ads.spent(truth.day, truth.seed, ads.last_report(truth.day, days))
        costs = {cost.campaign_id: cost for cost in spent}
        for campaign_id in costs.keys() | truth.marts.campaigns.keys():
            cost = costs.get(campaign_id)
            platform = cost.platform if cost else campaign_id.split("-")[1]
            sales = truth.marts.campaigns.get(campaign_id)
            orders, revenue = astuple(sales) if sales else (0, 0)
            spend = cost.spend_eur_cents if cost else 0
            yield (
                (truth.day, platform, campaign_id),
                {
                    "impressions": cost.impressions if cost else 0,
                    "clicks": cost.clicks if cost else 0,
                    "spend_eur_cents": spend,
                    "attributed_orders_count": orders,
                    "attributed_revenue_eur_cents": revenue,
                    "roas": _share(revenue, spend, ROAS_STEP),
                },
            )


def _inventory_position(truths: Sequence[Truth]) -> Rows:
    stock = Counter[str]()
    for truth in truths:
        stock.update(truth.marts.stock)
    reorder_points = _reorder_points(truths)
    for product_id in stock.keys() | reorder_points.keys():
        units, reorder_point = stock[product_id], reorder_points.get(product_id)
        is_low = reorder_point is not None and units <= reorder_point
        yield (
            (product_id,),
            {
                "on_hand_units": units,
                "reorder_point_units": reorder_point,
                "is_low_stock": is_low,
            },
        )


def _reorder_points(truths: Sequence[Truth]) -> dict[str, int]:
    """The reorder points at the end of the last day; days between two runs change them, too."""
    found: dict[str, int] = {}
    lived: date | None = None
    for truth in truths:
        if lived is None:
            rows = opening(truth.day, truth.seed)[INVENTORY]
            found = {row["product_id"]: row["reorder_point_units"] for row in rows}
            lived = truth.day - timedelta(days=1)
        while lived < truth.day:
            lived += timedelta(days=1)
            for change in changes(lived, truth.seed):
                if change.table == INVENTORY:
                    found[change.key] = change.values["reorder_point_units"]
    return found


def _fraud_candidates(truths: Sequence[Truth]) -> Rows:
    for truth in truths:
        for customer_id, suspect in truth.marts.suspects.items():
            yield (customer_id, truth.day), dict(vars(suspect))


def _revenue_per_minute(truths: Sequence[Truth]) -> Rows:
    for truth in truths:
        for key, takings in truth.marts.minutes.items():
            minute, _, currency = key.partition(" ")
            begin = _begin_of(truth.day) + timedelta(minutes=int(minute))
            yield (begin, currency), {"order_date": truth.day, **vars(takings)}


def _funnel_per_hour(truths: Sequence[Truth]) -> Rows:
    for truth in truths:
        for hour, steps in truth.marts.hours.items():
            begin = _begin_of(truth.day) + timedelta(hours=int(hour))
            yield (begin,), {"click_date": truth.day, **vars(steps)}


def _begin_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _share(part: int, whole: int, step: Decimal) -> Decimal | None:
    """The exact quotient rounded half up, None without a whole."""
    return (Decimal(part) / Decimal(whole)).quantize(step, ROUND_HALF_UP) if whole else None


MARTS: dict[str, Callable[[Sequence[Truth]], Rows]] = {
    "daily_revenue": _daily_revenue,
    "product_performance": _product_performance,
    "customer_lifetime_value": _customer_lifetime_value,
    "cohort_retention": _cohort_retention,
    "conversion_funnel": _conversion_funnel,
    "campaign_performance": _campaign_performance,
    "refund_rate": _refund_rate,
    "inventory_position": _inventory_position,
    "fraud_candidates": _fraud_candidates,
    "revenue_per_minute": _revenue_per_minute,
    "funnel_per_hour": _funnel_per_hour,
}
