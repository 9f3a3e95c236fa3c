"""From a customer's click or order to the dashboard: how long, what is alerted, who gets credit."""

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import fmean, quantiles
from subprocess import Popen
from typing import Any

import pytest

from answers.evidence import Evidence, more_than
from answers.labs.waiting import services, wait_until
from generators.messages import CLICKS, ORDERS, SOCIAL_MENTIONS, Message
from generators.producer import Transport
from generators.publish import send
from infra.readable import in_mart
from jobs.alert import Alert, alert, alerts
from jobs.commits import last_record
from jobs.session import clickhouse
from jobs.settings import ROOT, Settings
from jobs.stream import control

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
CUSTOMERS, MENTIONS = 60, 400
LIVE_ORDERS, RATE = 60, 4.0
INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
KEY = b"live"  # one key is one partition: what is readable is a beginning of what was sent
CAMPAIGNS = ("cmp-google-1", "cmp-meta-2", "cmp-x-3")
SPAM = ("Win a free phone, click {}", "Cheap followers at {}", "Crypto bonus only today {}")
PRAISE = ("Love it!", "Does what it should.", "Unboxing!", "Merci !", "Free delivery, great.")
BLAME = ("Broken on day one.", "Terrible service.", "I want a refund.", "Arrived after two weeks.")
HIDDEN_SPAM = "Ask me how I earn in bed"
TWISTED = "Not terrible at all, quite the opposite."
RULES = {
    "spam": r"\\b(free|cheap|crypto|win)\\b",
    "negative": r"\\b(broken|terrible|refund|awful)\\b",
}


FLAGGED = r"""
SELECT JSONExtractString(value, 'mention_id') FROM <social_mentions>
WHERE match(lower(JSONExtractString(value, 'text')), '<rule>')
"""


def moment(minutes: float) -> str:
    """An instant so many minutes after noon, as a message says it."""
    return f"{NOON + timedelta(minutes=minutes):{INSTANT}}"


def order(customer: str, number: int, ordered_at: str) -> bytes:
    """An order of one line."""
    line = {"line_number": 1, "product_id": "p-1", "quantity": 2, "unit_price_cents": 50}
    message = {"order_id": f"o-{customer}-{number}", "customer_id": customer, "currency": "EUR"}
    bought = {"ordered_at": ordered_at, "items": [line], "total_cents": 100}
    return json.dumps(message | bought).encode()


def click(customer: str, minutes: float, campaign: str | None) -> bytes:
    """A look at a product, from an ad of the campaign if there is one."""
    url = "https://shop.example/products/p-1" + (f"?utm_campaign={campaign}" if campaign else "")
    message = {"click_id": f"k-{customer}-{minutes}", "customer_id": customer, "event": "view"}
    seen = {"session_id": f"s-{customer}", "clicked_at": moment(minutes), "product_id": "p-1"}
    return json.dumps(message | seen | {"url": url}).encode()


@dataclass(frozen=True)
class Visitor:
    """A customer who ordered at noon, with the campaigns clicked so many minutes from then."""

    name: str
    clicks: dict[int, str | None]

    @property
    def credited(self) -> str | None:
        """The campaign clicked last before the order."""
        before = [minutes for minutes, campaign in self.clicks.items() if campaign and minutes <= 0]
        return self.clicks[max(before)] if before else None


def visitors() -> list[Visitor]:
    """Some come by themselves, some by several ads, and some click another after they ordered."""
    draw, found = Random(7), []
    for number in range(CUSTOMERS):
        minutes = draw.sample(range(-120, 30), draw.randint(1, 4))
        clicks = {at: draw.choice((None, *CAMPAIGNS)) for at in minutes}
        found.append(Visitor(f"c-{number}", clicks))
    return found


def mentions() -> list[dict[str, Any]]:
    """Posts with the label a person would give: spam, negative or fine; some are hard to tell."""
    draw, found = Random(7), []
    kinds = {"spam": (*SPAM, HIDDEN_SPAM), "negative": BLAME, "fine": (*PRAISE, TWISTED)}
    for number in range(MENTIONS):
        label = draw.choices(list(kinds), weights=(2, 3, 5))[0]
        text = draw.choice(kinds[label]).format(f"shop{number}.example")
        found.append({"mention_id": f"m-{number}", "text": text, "label": label})
    return found


def said(mention: dict[str, Any]) -> bytes:
    """The post as the platform hears of it, without its label."""
    told = {"mention_id": mention["mention_id"], "text": mention["text"], "platform": "x"}
    return json.dumps(told | {"customer_id": None, "mentioned_at": moment(0)}).encode()


@dataclass(frozen=True)
class Live:
    """The lake behind the stream, and how many seconds each live order was on its way."""

    settings: Settings
    seconds: list[float]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query of ClickHouse, which names tables of the lake in brackets."""
        bucket = f"{self.settings.s3_endpoint}/{self.settings.s3_bucket}"
        for table in ("bronze.social_mentions", "silver.orders", "silver.clicks"):
            folder = f"{bucket}/{self.settings.object_key(table.replace('.', '/'))}"
            source = f"deltaLake('{folder}', {{key:String}}, {{secret:String}})"
            query = query.replace(f"<{table.partition('.')[2]}>", source)
        login = {"key": self.settings.s3_access_key, "secret": self.settings.s3_secret_key}
        return list(clickhouse(self.settings).query(query, parameters=login).result_rows)


@contextmanager
def stream_process(settings: Settings) -> Iterator[None]:
    """The platform's stream as a process of its own, running while the block does."""
    control.prepare(settings)
    environment = os.environ | settings.environment()
    started = Popen([sys.executable, "-m", "jobs.stream"], cwd=ROOT, env=environment)
    try:
        control.want(settings, "running")
        yield
        control.want(settings, "stopped")  # after the pass that is under way
    finally:
        started.terminate()  # a clean end, with its query
        started.wait()


@pytest.fixture(scope="module")
def live(settings: Settings) -> Live:
    """A stream that met what had happened before, and after that orders that kept coming."""
    found = visitors()
    early = [Message(ORDERS, KEY, order(one.name, 0, moment(0))) for one in found]
    clicks = [Message(CLICKS, KEY, click(v.name, *at)) for v in found for at in v.clicks.items()]
    posts = [Message(SOCIAL_MENTIONS, KEY, said(mention)) for mention in mentions()]
    send([*clicks, *posts, *early], "early", settings)
    made: list[float] = []
    looks: list[tuple[float, int]] = []

    def bought() -> Iterator[Message]:
        for number in range(LIVE_ORDERS):
            now = datetime.now(UTC)
            made.append(now.timestamp())
            yield Message(ORDERS, KEY, order("live", number, f"{now:{INSTANT}}"))

    def has(count: int) -> bool:
        looks.append((time.time(), in_mart(settings) - len(early)))
        return looks[-1][1] >= count

    def is_warm() -> bool:
        funnel = last_record(settings, settings.table_path("gold.funnel_per_hour"))
        return has(0) and funnel is not None and funnel.counts.get("accepted", 0) > 0

    signs = services(settings, "spark")
    with stream_process(settings), ThreadPoolExecutor(1) as threads:
        wait_until(is_warm, "the first orders on the dashboard", signs)
        buying = threads.submit(send, bought(), "live", settings, Transport(rate=RATE))
        wait_until(lambda: has(LIVE_ORDERS), "all orders on the dashboard", signs)
        buying.result()
    readable = [next(at for at, count in looks if count > n) for n in range(LIVE_ORDERS)]
    return Live(settings, [at - began for at, began in zip(readable, made, strict=True)])


def test_every_event_of_the_stream_is_in_the_lake_once(live: Live, evidence: Evidence) -> None:
    orders = [name for (name,) in live.ask("SELECT order_id FROM <orders>")]
    clicks = [name for (name,) in live.ask("SELECT click_id FROM <clicks>")]
    clicked = [f"k-{v.name}-{minutes}" for v in visitors() for minutes in v.clicks]
    bought = [f"o-live-{number}" for number in range(LIVE_ORDERS)]
    bought += [f"o-{one.name}-0" for one in visitors()]
    assert (sorted(orders), sorted(clicks)) == (sorted(bought), sorted(clicked))
    evidence("orders streamed", len(orders), len(bought), "orders")
    evidence("clicks streamed", len(clicks), len(clicked), "clicks")


def test_the_wait_from_event_to_dashboard_is_told_by_its_tail_and_not_by_its_mean(
    live: Live, evidence: Evidence
) -> None:
    evidence("orders followed to the dashboard", len(live.seconds), LIVE_ORDERS, "orders")
    cuts = quantiles(live.seconds, n=100)
    evidence("mean wait", fmean(live.seconds), unit="s")
    shares = {"half": cuts[49], "95 of 100": cuts[94], "99 of 100": cuts[98]}
    for share, seconds in shares.items():
        evidence(f"wait of {share}", seconds, unit="s")
    evidence.series("readable in the dashboard after", shares, "s")
    later = sum(seconds > fmean(live.seconds) for seconds in live.seconds)
    evidence("orders that waited longer than the mean", later, more_than(0), "orders")


def test_a_rule_raises_spam_and_sentiment_alerts_with_its_precision_and_recall_known(
    live: Live, evidence: Evidence
) -> None:
    posts = {post["mention_id"]: post["label"] for post in mentions()}
    for label, rule in RULES.items():
        flagged = {name for (name,) in live.ask(FLAGGED.replace("<rule>", rule))}
        wanted = {name for name, labelled in posts.items() if labelled == label}
        right = len(flagged & wanted)
        evidence(f"precision of the {label} rule", 100 * right / len(flagged), more_than(50), "%")
        evidence(f"recall of the {label} rule", 100 * right / len(wanted), more_than(50), "%")
        told = Alert(f"{len(flagged)} posts look {label}", "info", live.settings.namespace)
        number = alert(live.settings, told)
        titles = {one["number"]: one["title"] for one in alerts(live.settings, number - 1)}
        assert titles[number] == told.title


CREDIT = """
WITH
  bought AS (SELECT order_id, assumeNotNull(customer_id) AS who, assumeNotNull(ordered_at) AS at
             FROM <orders> WHERE customer_id != 'live'),
  clicks AS (SELECT assumeNotNull(customer_id) AS who, assumeNotNull(c.clicked_at) AS clicked_at,
                    c.campaign_id AS campaign_id
             FROM <clicks> AS c WHERE campaign_id IS NOT NULL),
  touches AS (SELECT who, {} FROM clicks {})
SELECT o.order_id, t.campaign FROM bought AS o {} JOIN touches AS t ON t.who = o.who {}
"""
LAST_BEFORE = ("clicked_at AS at, campaign_id AS campaign", "", "ASOF", "AND o.at >= t.at")
LAST_OF_ALL = ("argMax(campaign_id, clicked_at) AS campaign", "GROUP BY who", "INNER", "")


@pytest.mark.control
def test_an_order_is_credited_to_the_last_campaign_clicked_before_it_and_no_later_one(
    live: Live, evidence: Evidence
) -> None:
    wanted = {f"o-{one.name}-0": one.credited for one in visitors() if one.credited}
    assert dict(live.ask(CREDIT.format(*LAST_BEFORE))) == wanted
    evidence("orders attributed to a campaign", 100 * len(wanted) / CUSTOMERS, unit="%")
    naive = dict(live.ask(CREDIT.format(*LAST_OF_ALL)))
    wrong = sum(wanted.get(name) != campaign for name, campaign in naive.items())
    evidence("orders credited wrongly if their time is ignored", wrong, more_than(0), "orders")
