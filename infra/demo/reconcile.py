"""The demo's verdict: what the generators know they produced against what the platform serves."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date

from generators.checksum import Tally
from generators.history import Delivery, PublishedRun
from generators.truth import CategorySales
from jobs.ledger import Hop, Sum, landed_by_run
from jobs.serve import MART_DATABASE
from jobs.session import clickhouse
from jobs.settings import Settings


@dataclass(frozen=True)
class Difference:
    """One group in which the mart differs from the truth."""

    order_date: date
    category: str
    expected: dict[str, int]
    found: dict[str, int]


def deliveries(runs: list[PublishedRun], settings: Settings) -> Iterator[Hop]:
    """Per topic: produced = acknowledged + rejected, and acknowledged = landed in bronze."""
    topics = sorted({topic for run in runs for topic in run.deliveries})
    for topic in topics:
        own = {run.truth.run_id: run.deliveries[topic] for run in runs if topic in run.deliveries}
        acked = _total(own, "acked")
        rejected = _total(own, "rejected")
        yield Hop(
            f"topic {topic}: produced = acked + rejected",
            _total(own, "produced"),
            acked + rejected,
            f"{acked.count:,} acked + {rejected.count:,} rejected",
        )
        landed = landed_by_run(settings, f"bronze.{topic}")
        mine = sum((landed.get(run_id, Sum(0)) for run_id in own), Sum(0, "0"))
        others = sum(total.count for run_id, total in landed.items() if run_id not in own)
        note = f"and {others:,} records of other producers" if others else ""
        yield Hop(f"topic {topic}: acked = landed in bronze", acked, mine, note)


def _total(own: dict[str, Delivery], side: str) -> Sum:
    tallies: list[Tally] = [getattr(delivery, side) for delivery in own.values()]
    return Sum(sum(t.count for t in tallies), str(sum(t.checksum for t in tallies)))


def expected_sales(runs: list[PublishedRun]) -> dict[tuple[date, str], dict[str, int]]:
    """What all runs sold by (order_date, category)."""
    total: dict[tuple[date, str], dict[str, int]] = defaultdict(lambda: asdict(CategorySales()))
    for run in runs:
        for group, sales in run.truth.sales.items():
            for column, number in asdict(sales).items():
                total[group][column] += number
    return dict(total)


def served_sales(settings: Settings) -> dict[tuple[date, str], dict[str, int]]:
    """What the mart says by (order_date, category)."""
    columns = list(asdict(CategorySales()))
    mart = f"{settings.database(MART_DATABASE)}.daily_revenue"
    query = f"SELECT order_date, category, {', '.join(columns)} FROM {mart}"
    rows = clickhouse(settings).query(query).result_rows
    return {(row[0], row[1]): dict(zip(columns, row[2:], strict=True)) for row in rows}


def differences(runs: list[PublishedRun], settings: Settings) -> list[Difference]:
    """The groups in which mart and truth differ, in order."""
    expected, found = expected_sales(runs), served_sales(settings)
    none = asdict(CategorySales())
    return [
        Difference(*group, expected.get(group, none), found.get(group, none))
        for group in sorted(expected.keys() | found.keys())
        if expected.get(group, none) != found.get(group, none)
    ]
