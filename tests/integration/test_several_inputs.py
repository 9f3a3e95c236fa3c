"""A table that several bronze tables feed takes what is new in any of them, and once."""

from typing import Any

import pytest

from jobs.commits import RunRecord
from jobs.run import run
from jobs.session import spark
from jobs.settings import Settings
from jobs.specs import find_spec
from tests.integration.lake import land_lines, quarantined

pytestmark = pytest.mark.integration

TABLE = "silver.ad_spend"


def _google(clicks: str) -> dict[str, Any]:
    return {
        "campaign": {"id": "cmp-google-1"},
        "segments": {"date": "2026-01-05"},
        "metrics": {"impressions": "9", "clicks": clicks, "costMicros": "10000"},
        "customer": {"currencyCode": "EUR"},
        "updatedAt": "2026-01-05T22:00:00.000000Z",
    }


def _meta(day: str, currency: str = "EUR") -> dict[str, Any]:
    return {
        "campaign_id": "cmp-meta-1",
        "date_start": day,
        "impressions": "9",
        "clicks": "1",
        "spend": "0.01",
        "account_currency": currency,
        "updated_time": "2026-01-06T22:00:00+0000",
    }


def _fates(record: RunRecord) -> tuple[int, int, int]:
    return record.counts["accepted"], record.counts["duplicate"], record.counts["quarantined"]


def _kept(settings: Settings) -> list[tuple[str, int]]:
    rows = spark(settings).read.format("delta").load(settings.table_path(TABLE)).collect()
    return sorted((row["platform"], row["spend_date"].day) for row in rows)


def test_what_is_new_in_any_input_is_taken_and_what_is_bad_in_any_is_quarantined(
    namespace_settings: Settings,
) -> None:
    settings = namespace_settings
    for table in find_spec(TABLE).inputs:
        land_lines(settings, table, "empty", [])
    land_lines(settings, "bronze.ads_google", "g-1", [_google("1"), _google("10")])
    land_lines(settings, "bronze.ads_meta", "m-1", [_meta("2026-01-05"), _meta("2026-01-06", "X")])
    assert _fates(run(TABLE, settings)) == (2, 0, 2)
    assert _kept(settings) == [("google", 5), ("meta", 5)]
    land_lines(settings, "bronze.ads_meta", "m-2", [_meta("2026-01-05"), _meta("2026-01-06")])
    assert _fates(run(TABLE, settings)) == (1, 1, 0)
    assert _kept(settings) == [("google", 5), ("meta", 5), ("meta", 6)]
    refused = {reasons[0]: raw or b"" for raw, reasons in quarantined(settings, TABLE)}
    assert refused.keys() == {"unknown_currency", "more_clicks_than_impressions"}
    assert b'"account_currency":"X"' in refused["unknown_currency"]
    assert b'"clicks":"10"' in refused["more_clicks_than_impressions"]
