"""The demo's verdict: what the generators know they produced against what the platform serves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from generators.checksum import Tally
from generators.history import Delivery, PublishedRun
from generators.marts import Mart, Row, expected
from jobs.ledger import Hop, Sum, landed_by_run
from jobs.serve import mart_name
from jobs.session import clickhouse
from jobs.settings import Settings
from jobs.specs import find_spec

# The column of each mart whose sum stands for the mart in a line for people.
KEY_COLUMNS = {
    "daily_revenue": "revenue_eur_cents",
    "product_performance": "revenue_eur_cents",
    "customer_lifetime_value": "net_revenue_eur_cents",
    "cohort_retention": "active_customers_count",
    "conversion_funnel": "ordered_count",
    "campaign_performance": "attributed_revenue_eur_cents",
    "refund_rate": "refunded_eur_cents",
    "inventory_position": "on_hand_units",
    "fraud_candidates": "orders_count",
    "revenue_per_minute": "revenue_cents",
    "funnel_per_hour": "sessions_count",
}


@dataclass(frozen=True)
class Difference:
    """One group in which a mart differs from the truth; the side that lacks it is None."""

    mart: str
    group: tuple[Any, ...]
    expected: Row | None
    found: Row | None

    def __str__(self) -> str:
        """The difference in a sentence; only the columns that differ are told."""
        group = ", ".join(map(str, self.group))
        if self.expected is None or self.found is None:
            side = "the truth" if self.expected is None else "the mart"
            return f"{self.mart}: {side} has no group {group}"
        columns = [name for name in self.expected if self.expected[name] != self.found[name]]
        told = ", ".join(
            f"{name} {self.found[name]} instead of {self.expected[name]}" for name in columns
        )
        return f"{self.mart}: group {group} has {told}"


@dataclass(frozen=True)
class Verdict:
    """A mart beside its truth: its groups, and the sum of its key column on both sides."""

    mart: str
    groups_count: int
    column: str
    found: int
    expected: int
    differences: tuple[Difference, ...]


def deliveries(runs: list[PublishedRun], settings: Settings) -> Iterator[Hop]:
    """Per topic: produced = acknowledged + rejected, and acknowledged = landed in bronze."""
    topics = sorted({topic for run in runs for topic in run.deliveries})
    for topic in topics:
        own = {run.sent_as: run.deliveries[topic] for run in runs if topic in run.deliveries}
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


def served(mart: str, settings: Settings) -> Mart:
    """What ClickHouse says of a mart: its keys -> its other columns."""
    spec = find_spec(f"gold.{mart}")
    measures = [name for name in spec.columns if name not in spec.keys]
    names = ", ".join(f"`{name}`" for name in (*spec.keys, *measures))
    query = f"SELECT {names} FROM {mart_name(settings, spec)}"
    rows = clickhouse(settings).query(query, tz_mode="aware")
    width = len(spec.keys)
    return {
        tuple(row[:width]): dict(zip(measures, row[width:], strict=True))
        for row in rows.result_rows
    }


def verdicts(runs: list[PublishedRun], settings: Settings) -> list[Verdict]:
    """Every mart the generators know the truth of, compared group by group.

    Raises: ServiceDown; LakeproofError if two runs tell of one day.
    """
    truths = expected([run.truth for run in runs])
    return [_verdict(mart, truth, served(mart, settings)) for mart, truth in truths.items()]


def _verdict(mart: str, truth: Mart, found: Mart) -> Verdict:
    column = KEY_COLUMNS[mart]
    differing = tuple(
        Difference(mart, group, truth.get(group), found.get(group))
        for group in sorted(truth.keys() | found.keys())
        if truth.get(group) != found.get(group)
    )
    total, due = (sum(row[column] for row in rows.values()) for rows in (found, truth))
    return Verdict(mart, len(found), column, total, due, differing)


def differences(runs: list[PublishedRun], settings: Settings) -> list[Difference]:
    """The groups in which marts and truth differ, mart by mart, in order."""
    return [found for verdict in verdicts(runs, settings) for found in verdict.differences]
