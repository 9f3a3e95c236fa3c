"""A day of orders in the star schema and its mart, and five questions asked of gold and bronze."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from time import perf_counter
from typing import Any

import clickhouse_connect
import pytest

from answers.evidence import Evidence, more_than
from answers.labs import shop
from answers.labs.shop_lake import rows, run_tables, sell, upstream
from generators import oltp
from generators.fx_rates import fx_rates, to_eur_cents
from generators.landing import files
from generators.messages import ORDERS
from generators.publish import land
from generators.run import Defects, Run
from generators.truth import CategorySales
from jobs.serve import mart_name
from jobs.session import clickhouse
from jobs.settings import Settings
from jobs.specs import find_spec

RUN = Run(date(2026, 1, 5), 250, 7, Defects.totalling(0.2))
# One in ten customers is another one by the time that gold is made.
RENAMED = """
UPDATE customers SET full_name = full_name || ' II',
    updated_at = current_setting('shop.clock')::timestamptz
WHERE right(customer_id, 1) = '7'
"""
MART, FACT, CALENDAR = "gold.daily_revenue", "gold.fact_order_items", "gold.dim_date"
# What the business asks, of the mart and of the orders as they arrived.
QUESTIONS = {
    "How many lines were sold?": (
        "sum(items_count)",
        "sum(length(JSONExtractArrayRaw(value, 'items')))",
    ),
    "How many pieces?": (
        "sum(units_count)",
        "sum(arraySum(item -> JSONExtractInt(item, 'quantity'), "
        "JSONExtractArrayRaw(value, 'items')))",
    ),
    "What was the revenue in cents of EUR?": (
        "sum(revenue_eur_cents)",
        "sum(JSONExtractInt(value, 'total_cents'))",
    ),
    "On how many days?": (
        "uniqExact(order_date)",
        "uniqExact(substring(JSONExtractString(value, 'ordered_at'), 1, 10))",
    ),
    "What sold best?": (
        "(SELECT category FROM {table} GROUP BY category ORDER BY sum(revenue_eur_cents) DESC "
        "LIMIT 1)",
        "(SELECT JSONExtractString(arrayJoin(JSONExtractArrayRaw(value, 'items')), 'product_id') "
        "AS product FROM {table} GROUP BY product ORDER BY count() DESC, product LIMIT 1)",
    ),
}


@dataclass(frozen=True)
class Answered:
    """What a question was answered with, and what that cost."""

    answer: Any
    milliseconds: float
    read_bytes: int


@dataclass(frozen=True)
class Gold:
    """The lake after the day, and what the day really sold by category."""

    settings: Settings
    sales: dict[tuple[date, str], CategorySales]

    def ask(self, client: Any, table: str, which: int) -> dict[str, Answered]:
        """The answers to all questions, from the mart (0) or from bronze (1)."""
        found = {}
        for question, ways in QUESTIONS.items():
            started = perf_counter()
            result = client.query(f"SELECT {ways[which]} FROM {table}".format(table=table))
            spent = 1_000 * (perf_counter() - started)
            read = int(result.summary.get("read_bytes", 0))
            found[question] = Answered(result.result_rows[0][0], spent, read)
        return found

    def truth(self) -> list[Any]:
        """The right answers."""
        best = max(self.sales, key=lambda key: self.sales[key].revenue_eur_cents)[1]
        names = ("items_count", "units_count", "revenue_eur_cents")
        sums = [sum(getattr(each, name) for each in self.sales.values()) for name in names]
        return [*sums, len({day for day, _ in self.sales}), best]

    def column(self, table: str, *names: str) -> list[tuple[Any, ...]]:
        return rows(self.settings, table, names)


@pytest.fixture(scope="module")
def gold(settings: Settings) -> Gold:
    land(files(RUN.day, RUN.seed), settings)
    oltp.advance(RUN, [], settings)
    truth = sell(settings, RUN, [ORDERS])
    run_tables(settings, "bronze.shop_customers")
    shop.execute(settings, RENAMED)
    run_tables(settings, *upstream(MART, CALENDAR))
    return Gold(settings, truth.sales)


def test_every_line_of_the_fact_finds_its_row_in_each_dimension(
    gold: Gold, evidence: Evidence
) -> None:
    lines = gold.column(FACT, "customer_key", "product_key", "order_date")
    dimensions = {"dim_customer": "customer_key", "dim_product": "product_key", "dim_date": "date"}
    told = []
    for place, (dimension, key) in enumerate(dimensions.items()):
        known = [value for (value,) in gold.column(f"gold.{dimension}", key)]
        assert len(known) == len(set(known))
        orphans = sum(line[place] not in set(known) for line in lines)
        told.append((dimension, len(known), orphans))
    evidence.table("lines without a row", ("dimension", "rows", "lines without one"), told)
    evidence("lines in the fact table", len(lines), more_than(0), "lines")
    evidence("lines that point nowhere", sum(row[2] for row in told), 0, "lines")


def test_a_line_points_to_the_customer_as_he_was_when_he_ordered(
    gold: Gold, evidence: Evidence
) -> None:
    names = ("customer_key", "customer_id", "effective_from", "effective_to")
    versions = {key: rest for key, *rest in gold.column("gold.dim_customer", *names)}
    several = Counter(version[0] for version in versions.values())
    evidence("customers with more than one version", sum(n > 1 for n in several.values()),
             more_than(0), "customers")  # fmt: skip
    wrong = ended = 0
    for key, customer_id, at in gold.column(FACT, "customer_key", "customer_id", "ordered_at"):
        if key != -1:
            wrong += not holds(versions[key], customer_id, at)
            ended += versions[key][2] is not None
    evidence("lines of customers who are others by now", ended, more_than(0), "lines")
    evidence("lines that point to another version", wrong, 0, "lines")


def holds(version: list[Any], customer_id: str, at: datetime) -> bool:
    owner, since, until = version
    return bool(owner == customer_id and since <= at and (until is None or at < until))


def test_gold_s_revenue_is_silver_s_to_the_cent(gold: Gold, evidence: Evidence) -> None:
    rates = fx_rates(RUN.day, RUN.seed)
    lines = gold.column("silver.order_items", "amount_cents", "currency")
    silver = sum(to_eur_cents(cents, rates[currency]) for cents, currency in lines)
    fact = sum(cents for (cents,) in gold.column(FACT, "revenue_eur_cents"))
    mart = sum(cents for (cents,) in gold.column(MART, "revenue_eur_cents"))
    evidence("revenue of silver's lines", silver, gold.truth()[2], "cents of EUR")
    evidence("revenue of the fact table", fact, silver, "cents of EUR")
    evidence("revenue of the mart", mart, silver, "cents of EUR")


def test_a_mart_holds_the_metric_computed_before_anybody_asks(
    gold: Gold, evidence: Evidence
) -> None:
    metrics = ("orders_count", "items_count", "units_count", "revenue_eur_cents")
    stored = {row[:2]: row[2:] for row in gold.column(MART, "order_date", "category", *metrics)}
    true = {key: tuple(getattr(each, name) for name in metrics) for key, each in gold.sales.items()}
    assert stored == true
    evidence("rows of the mart", len(stored), len(true), "rows")
    evidence("lines they sum up", sum(each[1] for each in stored.values()), more_than(len(stored)),
             "lines")  # fmt: skip


def test_an_analyst_gets_the_right_answers_from_the_mart_alone(
    gold: Gold, settings: Settings, evidence: Evidence
) -> None:
    analyst = clickhouse_connect.get_client(
        host=settings.clickhouse_host,
        port=settings.clickhouse_port,
        username=settings.clickhouse_analyst_user,
        password=settings.clickhouse_analyst_password,
    )
    found = gold.ask(analyst, mart_name(settings, find_spec(MART)), 0)
    told = [(question, str(each.answer), each.read_bytes) for question, each in found.items()]
    evidence.table("asked of gold", ("question", "answer", "bytes read"), told)
    assert [each.answer for each in found.values()] == gold.truth()
    evidence("questions answered right from gold", len(found), 5, "questions")
    spent = {question: each.milliseconds for question, each in found.items()}
    evidence.series("answered from gold in", spent, "ms")
    evidence("a question of gold takes", sum(spent.values()) / len(spent), unit="ms")


@pytest.mark.control
def test_the_same_questions_of_bronze_cost_more_and_get_wrong_answers(
    gold: Gold, settings: Settings, evidence: Evidence
) -> None:
    folder = f"{settings.s3_bucket}/{settings.object_key('bronze/orders')}"
    login = f"'{settings.s3_access_key}', '{settings.s3_secret_key}'"
    client = clickhouse(settings)
    source = f"deltaLake('{settings.s3_endpoint}/{folder}', {login})"
    raw_orders = f"(SELECT assumeNotNull(value) AS value FROM {source})"
    raw = gold.ask(client, raw_orders, 1)
    good = gold.ask(client, mart_name(settings, find_spec(MART)), 0)
    told = [(question, str(truth), str(each.answer))
            for (question, each), truth in zip(raw.items(), gold.truth(), strict=True)]  # fmt: skip
    evidence.table("asked of bronze", ("question", "truth", "bronze says"), told)
    wrong = sum(truth != said for _, truth, said in told)
    evidence("questions answered wrong from bronze", wrong, 5, "questions")
    spent = sum(each.milliseconds for each in raw.values()) / len(raw)
    evidence("a question of bronze takes", spent, unit="ms")
    read = {name: sum(each.read_bytes for each in asked.values()) for name, asked
            in (("gold", good), ("bronze", raw))}  # fmt: skip
    evidence.series("read for the five questions", read, "bytes")
    evidence("read from gold for five questions", read["gold"], unit="bytes")
    evidence("read from bronze for five questions", read["bronze"], more_than(read["gold"]),
             "bytes")  # fmt: skip
