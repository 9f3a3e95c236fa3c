"""Ads and contacts: equal seeds say the same, and corrections depend on nothing but their days."""

from datetime import date, timedelta
from itertools import permutations
from typing import Any

from generators import ads, crm
from infra.stubs.platforms import PLATFORMS

SEED = 7
MONDAY = date(2026, 1, 5)


def _days(*numbers: int) -> list[date]:
    return [MONDAY + timedelta(days=number) for number in numbers]


def _served(days: list[date]) -> dict[str, dict[str, Any]]:
    """What the platforms serve after these days were handed over one after the other."""
    served: dict[str, dict[str, Any]] = {name: {} for name in ads.CURRENCIES}
    for number, day in enumerate(days):
        for name, rows in ads.rows(day, SEED, days[:number]).items():
            platform = PLATFORMS[name]
            for row in sorted(rows, key=platform.updated_at):
                held = served[name].get(platform.key(row))
                if held is None or platform.updated_at(held) <= platform.updated_at(row):
                    served[name][platform.key(row)] = row
    return served


def test_the_platforms_say_the_same_in_whatever_order_days_are_published() -> None:
    expected = _served(_days(0, 1, 2, 5))
    assert all(_served(list(order)) == expected for order in permutations(_days(0, 1, 2, 5)))


def test_spend_is_what_the_platform_last_said_within_three_days() -> None:
    published = _days(0, 1, 2, 5)
    assert [ads.last_report(day, published) for day in published] == _days(2, 2, 5, 5)
    served = _served(published)["meta"]
    for day in published:
        spent = ads.spent(day, SEED, ads.last_report(day, published))
        found = {
            row["campaign_id"]: (row["impressions"], row["clicks"], row["spend"])
            for row in served.values()
            if row["date_start"] == str(day)
        }
        assert found == {
            each.campaign_id: (
                str(each.impressions),
                str(each.clicks),
                f"{each.spend_eur_cents // 100}.{each.spend_eur_cents % 100:02d}",
            )
            for each in spent
            if each.platform == "meta"
        }


def test_a_day_is_corrected_on_each_of_the_next_three_days_and_then_no_more() -> None:
    [day, *later] = _days(0, 1, 2, 3, 4)
    said = [ads.spent(day, SEED, each) for each in (day, *later[:3])]
    assert all(said[i] != said[j] for i in range(4) for j in range(i))
    reported = {row["date"] for row in ads.rows(later[3], SEED, [day, *later])["x"]}
    assert str(day) not in reported


def test_another_seed_is_another_shop() -> None:
    assert ads.rows(MONDAY, SEED) == ads.rows(MONDAY, SEED)
    assert ads.rows(MONDAY, SEED) != ads.rows(MONDAY, SEED + 1)
    assert crm.contacts(MONDAY, SEED) == crm.contacts(MONDAY, SEED)
    assert crm.contacts(MONDAY, SEED) != crm.contacts(MONDAY, SEED + 1)


def test_contacts_of_a_day_are_different_people_two_of_them_changed_at_one_instant() -> None:
    for day in _days(*range(30)):
        contacts = crm.contacts(day, SEED)
        assert len({contact["Id"] for contact in contacts}) == len(contacts)
        stamps = [contact["SystemModstamp"] for contact in contacts]
        assert len(set(stamps)) < len(stamps)
        assert all(stamp.startswith(str(day)) for stamp in stamps)
