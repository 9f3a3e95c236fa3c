"""What the campaigns cost and reached, in each ad platform's own words.

A platform reports a day in its evening and corrects it on each of the next three days: clicks that
were fraud are taken back, late views are added. What it says of a spend date on a later day is a
pure function of the seed and both days.
"""

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from generators.facts import Spent
from generators.fx_rates import fx_rates, to_eur_cents

CURRENCIES = {"google": "EUR", "meta": "EUR", "tiktok": "EUR", "linkedin": "EUR", "x": "USD"}
CAMPAIGNS_COUNT = 3
RESTATED_DAYS = 3
REPORTED_HOUR = 22
MICROS_PER_CENT = 10_000
ACCOUNT = "1000000001"

Row = dict[str, Any]


class _Report(NamedTuple):
    """What a platform says of a campaign's spend date, and when it says so."""

    campaign_id: str
    day: date
    impressions: int
    clicks: int
    spend_cents: int
    currency: str
    said_at: datetime


def rows(day: date, seed: int, published: Collection[date] = ()) -> dict[str, list[Row]]:
    """Platform -> the rows that a day adds to what it serves, when other days are out already.

    These are the day's own, its corrections of days before, and those of it that later days made:
    after any order of publication the platform says the same.
    """
    days = {*published, day}
    pairs = [(other, day) for other in _within(days, day - timedelta(RESTATED_DAYS), day)]
    pairs += [
        (day, later) for later in _within(days, day, day + timedelta(RESTATED_DAYS)) if later > day
    ]
    return {
        platform: [
            SHAPES[platform](_report(platform, number, spend_date, seed, as_of))
            for spend_date, as_of in pairs
            for number in range(1, CAMPAIGNS_COUNT + 1)
        ]
        for platform in CURRENCIES
    }


def last_report(day: date, published: Collection[date]) -> date:
    """The published day on which the platforms last said something of a published day."""
    return max(_within({*published, day}, day, day + timedelta(RESTATED_DAYS)))


def spent(day: date, seed: int, as_of: date) -> list[Spent]:
    """What every campaign cost and reached on a day, as the platforms last said on another day."""
    rates = fx_rates(day, seed)
    reports = [
        (platform, _report(platform, number, day, seed, as_of))
        for platform in CURRENCIES
        for number in range(1, CAMPAIGNS_COUNT + 1)
    ]
    return [
        Spent(
            platform,
            report.campaign_id,
            report.impressions,
            report.clicks,
            to_eur_cents(report.spend_cents, rates[report.currency]),
        )
        for platform, report in reports
    ]


def campaign_id(platform: str, number: int) -> str:
    """The id of a platform's campaign, numbered from 1."""
    return f"cmp-{platform}-{number}"


def _within(days: Collection[date], first: date, last: date) -> list[date]:
    return sorted(day for day in days if first <= day <= last)


def _report(platform: str, number: int, day: date, seed: int, as_of: date) -> _Report:
    draw = Random(f"ads/{seed}/{day}/{platform}/{number}")
    impressions = draw.randint(4_000, 40_000)
    clicks = impressions * draw.randint(5, 30) // 1_000
    spend_cents = clicks * draw.randint(20, 90)
    if as_of > day:
        corrected = Random(f"ads/{seed}/{day}/{platform}/{number}/{as_of}")
        impressions += corrected.randint(0, impressions // 100)
        clicks -= corrected.randint(0, clicks // 20)
        spend_cents -= corrected.randint(0, spend_cents // 20)
    said_at = datetime(as_of.year, as_of.month, as_of.day, REPORTED_HOUR, tzinfo=UTC)
    name = campaign_id(platform, number)
    return _Report(name, day, impressions, clicks, spend_cents, CURRENCIES[platform], said_at)


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _google(report: _Report) -> Row:
    return {
        "campaign": {
            "resourceName": f"customers/{ACCOUNT}/campaigns/{report.campaign_id}",
            "id": report.campaign_id,
        },
        "segments": {"date": str(report.day)},
        "metrics": {
            "impressions": str(report.impressions),
            "clicks": str(report.clicks),
            "costMicros": str(report.spend_cents * MICROS_PER_CENT),
        },
        "customer": {"currencyCode": report.currency},
        "updatedAt": report.said_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _meta(report: _Report) -> Row:
    return {
        "account_id": ACCOUNT,
        "account_currency": report.currency,
        "campaign_id": report.campaign_id,
        "date_start": str(report.day),
        "date_stop": str(report.day),
        "impressions": str(report.impressions),
        "clicks": str(report.clicks),
        "spend": _decimal(report.spend_cents),
        "updated_time": report.said_at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }


def _tiktok(report: _Report) -> Row:
    return {
        "dimensions": {
            "campaign_id": report.campaign_id,
            "stat_time_day": f"{report.day} 00:00:00",
        },
        "metrics": {
            "spend": _decimal(report.spend_cents),
            "impressions": str(report.impressions),
            "clicks": str(report.clicks),
            "currency": report.currency,
        },
        "modify_time": report.said_at.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _linkedin(report: _Report) -> Row:
    day = {"year": report.day.year, "month": report.day.month, "day": report.day.day}
    return {
        "pivotValues": [f"urn:li:sponsoredCampaign:{report.campaign_id}"],
        "dateRange": {"start": day, "end": day},
        "impressions": report.impressions,
        "clicks": report.clicks,
        "costInLocalCurrency": _decimal(report.spend_cents),
        "currency": report.currency,
        "lastModifiedAt": int(report.said_at.timestamp() * 1000),
    }


def _x(report: _Report) -> Row:
    return {
        "id": report.campaign_id,
        "date": str(report.day),
        "currency": report.currency,
        "id_data": [
            {
                "metrics": {
                    "impressions": [report.impressions],
                    "clicks": [report.clicks],
                    "billed_charge_local_micro": [report.spend_cents * MICROS_PER_CENT],
                }
            }
        ],
        "updated_at": report.said_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


SHAPES: dict[str, Callable[[_Report], Row]] = {
    "google": _google,
    "meta": _meta,
    "tiktok": _tiktok,
    "linkedin": _linkedin,
    "x": _x,
}
