"""From the platforms' APIs to silver: nothing is lost, nothing is landed twice."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from generators import ads, stubs
from generators.fx_rates import fx_rates, to_eur_cents
from jobs.commits import last_record
from jobs.errors import PullFailed
from jobs.pull import Pulled, pull
from jobs.run import run
from jobs.session import object_store, spark
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec

pytestmark = pytest.mark.integration

SEED = 7
DAY = date(2026, 1, 5)
NOON = "2026-01-05T12:00:00.000+0000"


def _contact(number: int, changed_at: str = NOON) -> dict[str, Any]:
    return {
        "Id": f"003{number:015d}",
        "Name": "Ada Adler",
        "Email": "ada@crm.example",
        "LifecycleStage__c": "lead",
        "CustomerId__c": None,
        "SystemModstamp": changed_at,
    }


def _contacts_spec(namespace: str, overlap_days: int = 0) -> Spec:
    """The CRM's table, landing under a prefix of the test's own."""
    spec = find_spec("bronze.crm_contacts")
    assert spec.source is not None
    told = {**spec.source.pull, "overlap_days": overlap_days}
    return replace(spec, source=replace(spec.source, prefix=f"landing/{namespace}/", pull=told))


def _landed(settings: Settings, spec: Spec) -> list[str]:
    """The ids of all landed contacts, object by object."""
    assert spec.source is not None
    store, found = object_store(settings), []
    prefix = settings.object_key(spec.source.prefix)
    for item in store.list_objects(settings.s3_bucket, prefix=prefix, recursive=True):
        answer = store.get_object(settings.s3_bucket, str(item.object_name))
        found += [line.split(b'"')[3].decode()[-1] for line in answer.read().splitlines()]
        answer.close()
        answer.release_conn()
    return found


def test_a_record_with_the_watermarks_own_timestamp_is_not_lost(module_settings: Settings) -> None:
    settings, spec = module_settings, _contacts_spec("boundary")
    stubs.put("crm", [_contact(1, "2026-01-05T11:00:00.000+0000"), _contact(2)], settings)
    first = pull(spec, settings, None)
    assert first == Pulled("2026-01-05T12:00:00+00:00", 1)
    stubs.put("crm", [_contact(3)], settings)
    second = pull(spec, settings, first.watermark)
    assert second == Pulled(first.watermark, 1)
    assert sorted(_landed(settings, spec)) == ["1", "2", "3"]
    assert pull(spec, settings, second.watermark) == Pulled(first.watermark, 0)
    assert pull(spec, settings, None) == Pulled(first.watermark, 0)


def test_a_record_that_shows_up_late_is_found_within_the_overlap(module_settings: Settings) -> None:
    settings, spec = module_settings, _contacts_spec("late", overlap_days=1)
    stubs.put("crm", [_contact(4, "2026-02-05T12:00:00.000+0000")], settings)
    first = pull(spec, settings, None)
    stubs.put("crm", [_contact(5, "2026-02-04T12:00:00.000+0000")], settings)
    stubs.put("crm", [_contact(6, "2026-02-04T11:59:59.000+0000")], settings)
    assert pull(spec, settings, first.watermark) == Pulled(first.watermark, 1)
    assert {"4", "5"} <= set(_landed(settings, spec))
    assert "6" not in _landed(settings, spec)


def test_figures_restated_under_the_same_time_follow_the_platform_there_and_back(
    namespace_settings: Settings,
) -> None:
    """All of them, not those of greater hash; and also back to what they were once."""
    settings, table = namespace_settings, "silver.ad_spend"
    inputs = find_spec(table).inputs

    def report(number: int, spend: str) -> dict[str, Any]:
        return {
            "account_currency": "EUR",
            "campaign_id": f"cmp-meta-{number}",
            "date_start": "2026-03-05",
            "date_stop": "2026-03-05",
            "impressions": "1000",
            "clicks": "10",
            "spend": spend,
            "updated_time": "2026-03-05T22:00:00+0000",
        }

    for spend in ("10.00", "12.34", "10.00"):
        stubs.put("meta", [report(number, spend) for number in range(1, 11)], settings)
        _run(settings, *inputs, table)
        found = spark(settings).read.format("delta").load(settings.table_path(table))
        rows = found.where("spend_date = '2026-03-05'").collect()
        assert [row["spend_cents"] for row in rows] == [int(spend.replace(".", ""))] * 10
        assert run("bronze.ads_meta", settings).counts == {"landed": 0}


def test_a_pull_that_fails_on_its_last_page_lands_nothing(module_settings: Settings) -> None:
    settings, spec = module_settings, _contacts_spec("broken")
    stubs.put("crm", [_contact(7)], settings)
    stubs.misbehave("crm", "shrunk_page", 1_000, settings)
    with pytest.raises(PullFailed, match="^crm: .*records were promised"):
        pull(spec, settings, None)
    stubs.misbehave("crm", "shrunk_page", 0, settings)
    assert _landed(settings, spec) == []
    assert pull(spec, settings, None).objects_count == 1


def test_five_platforms_become_one_table_that_follows_their_corrections(
    module_settings: Settings,
) -> None:
    settings, table = module_settings, find_spec("silver.ad_spend")
    first, second, third = (DAY + timedelta(days=number) for number in range(3))
    for day in (first, second):
        stubs.hand_over(day, SEED, settings)
    _run(settings, *table.inputs, table.name)
    before = _expected([first, second])
    assert _spent(settings) == before
    stubs.hand_over(third, SEED, settings)
    _run(settings, "bronze.ads_meta", table.name)
    after = _expected([first, second, third])
    assert _spent(settings) == sorted(
        [row for row in after if row[1] == "meta"] + [row for row in before if row[1] != "meta"]
    )
    record = last_record(settings, settings.table_path("bronze.ads_meta"))
    assert record is not None
    assert record.inputs == {"files": 2, "watermark": "2026-01-07T22:00:00+00:00"}
    assert record.counts == {"landed": 9}
    assert run("bronze.ads_meta", settings).counts == {"landed": 0}


def _run(settings: Settings, *tables: str) -> None:
    for table in tables:
        run(table, settings)


def _spent(settings: Settings) -> list[tuple[Any, ...]]:
    """The rows of the table, in euro cents by the generators' own rates."""
    rows = spark(settings).read.format("delta").load(settings.table_path("silver.ad_spend"))
    return sorted(
        (
            row["spend_date"],
            row["platform"],
            row["campaign_id"],
            row["impressions"],
            row["clicks"],
            to_eur_cents(row["spend_cents"], fx_rates(row["spend_date"], SEED)[row["currency"]]),
        )
        for row in rows.collect()
    )


def _expected(published: list[date]) -> list[tuple[Any, ...]]:
    return sorted(
        (day, *spent)
        for day in published
        for spent in ads.spent(day, SEED, ads.last_report(day, published))
    )
