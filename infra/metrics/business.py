"""What the shop's people watch: the ad budgets, the click-through rates, the reviews' stars."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean, median, pstdev
from typing import Any

import yaml
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from prometheus_client.metrics_core import Metric

from infra.metrics.parts import gauge
from infra.metrics.verdicts import rows
from jobs.commits import storage_options
from jobs.session import require_object_store
from jobs.settings import Settings

BUDGETS = Path(__file__).with_name("budgets.yml")
CAMPAIGNS, REVIEWS = "gold.campaign_performance", "silver.reviews"
USUAL_DAYS, MIN_DAYS = 28, 3
ByDay = Mapping[date, float]


def ads(settings: Settings) -> Iterator[Metric]:
    """Of each ad platform: the month's spend against its budget, and the clicks per impression.

    Raises: ServiceDown.
    """
    columns = ["spend_date", "platform", "impressions", "clicks", "spend_eur_cents"]
    found = rows(settings, CAMPAIGNS, columns)
    budgets: dict[str, float] = yaml.safe_load(BUDGETS.read_text())
    spent = month_spend_eur(found)
    used = {(name,): spent[name] / budgets[name] for name in spent if name in budgets}
    yield gauge("lakeproof_ads_spend_eur", "Spent in the newest day's month", ["platform"],
                {(name,): value for name, value in spent.items()})  # fmt: skip
    about = "Share of the month's budget that is spent"
    yield gauge("lakeproof_ads_budget_used_ratio", about, ["platform"], used)
    rates = {platform: against_usual(by_day) for platform, by_day in ctr(found).items()}
    about = "Clicks per impression on the newest day"
    yield gauge("lakeproof_ads_ctr_ratio", about, ["platform"],
                {(name,): newest for name, (newest, _) in rates.items()})  # fmt: skip
    about = f"Median of the {USUAL_DAYS} days before"
    yield gauge("lakeproof_ads_ctr_usual_ratio", about, ["platform"],
                {(name,): median(usual) if usual else None
                 for name, (_, usual) in rates.items()})  # fmt: skip


def reviews(settings: Settings) -> Iterator[Metric]:
    """The stars of the newest day's reviews, and what is usual.

    Raises: ServiceDown.
    """
    newest, usual = against_usual(_stars_by_day(settings))
    figures = {
        "stars": ("Mean stars of the newest day", newest),
        "usual_stars": (f"Mean of the {USUAL_DAYS} days before", fmean(usual) if usual else None),
        "deviation_stars": ("Standard deviation of these days", pstdev(usual) if usual else None),
    }
    for name, (about, value) in figures.items():
        yield gauge(f"lakeproof_reviews_{name}", about, [], {(): value})


def month_spend_eur(found: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """What each platform cost in the calendar month of the newest day."""
    kept = list(found)
    newest: date = max((row["spend_date"] for row in kept), default=date.min)
    spent: defaultdict[str, float] = defaultdict(float)
    for row in kept:
        if row["spend_date"] >= newest.replace(day=1):
            spent[row["platform"]] += row["spend_eur_cents"] / 100
    return dict(spent)


def ctr(found: Iterable[Mapping[str, Any]]) -> dict[str, ByDay]:
    """Clicks per impression of each platform, by day."""
    sums: defaultdict[str, defaultdict[date, list[int]]]
    sums = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for row in found:
        day = sums[row["platform"]][row["spend_date"]]
        day[0] += row["clicks"]
        day[1] += row["impressions"]
    return {
        platform: {day: clicks / shown for day, (clicks, shown) in days.items() if shown}
        for platform, days in sums.items()
    }


def against_usual(by_day: ByDay) -> tuple[float | None, list[float]]:
    """The newest day's value and those of the weeks before; none of fewer than three days."""
    if not by_day:
        return None, []
    newest = max(by_day)
    first = newest - timedelta(days=USUAL_DAYS)
    usual = [value for day, value in by_day.items() if first <= day < newest]
    return by_day[newest], usual if len(usual) >= MIN_DAYS else []


def _stars_by_day(settings: Settings) -> ByDay:
    """Mean stars of each of the newest days; the table is partitioned by them."""
    require_object_store(settings)
    path = settings.table_path(REVIEWS).replace("s3a://", "s3://", 1)
    try:
        table = DeltaTable(path, storage_options=storage_options(settings))
    except TableNotFoundError:
        return {}
    days = sorted({str(part["review_date"]) for part in table.partitions()})[-USUAL_DAYS - 1 :]
    kept = table.to_pyarrow_table(
        columns=["review_date", "rating"], partitions=[("review_date", "in", days)]
    )
    means = kept.group_by("review_date").aggregate([("rating", "mean")]).to_pylist()
    return {row["review_date"]: row["rating_mean"] for row in means}
