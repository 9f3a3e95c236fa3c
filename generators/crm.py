"""The contacts the sales team keeps in the CRM, as far as a day changes them."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

CONTACTS_COUNT = 60
CHANGES_PER_DAY = 6
STAGES = ("lead", "prospect", "customer", "churned")
FIRST_NAMES = ("Ada", "Björn", "Chloé", "Dario", "Elif", "Femi", "Grace", "Hana", "Ivo", "Jun")
LAST_NAMES = ("Adler", "Okafor", "García", "Novák", "Łuczak", "Sørensen")


def contacts(day: date, seed: int) -> list[dict[str, Any]]:
    """The contacts that changed on a day, as the CRM says them.

    Two of them carry one SystemModstamp: a bulk edit saves many at the same instant. About half
    of the contacts are no customers of the shop yet.
    """
    draw = Random(f"crm/{seed}/{day}")
    numbers = draw.sample(range(1, CONTACTS_COUNT + 1), CHANGES_PER_DAY)
    opening = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    minutes = sorted(draw.randint(0, 600) for _ in numbers)
    minutes[-1] = minutes[-2]
    return [
        _contact(number, seed, opening + timedelta(minutes=minute), draw.choice(STAGES))
        for number, minute in zip(numbers, minutes, strict=True)
    ]


def _contact(number: int, seed: int, changed_at: datetime, stage: str) -> dict[str, Any]:
    who = Random(f"crm/{seed}/contact/{number}")
    first, last = who.choice(FIRST_NAMES), who.choice(LAST_NAMES)
    contact_id = f"003{number:015d}"
    return {
        "attributes": {
            "type": "Contact",
            "url": f"/services/data/v61.0/sobjects/Contact/{contact_id}",
        },
        "Id": contact_id,
        "Name": f"{first} {last}",
        "Email": f"contact{number}@crm.example",
        "LifecycleStage__c": stage,
        "CustomerId__c": f"c-{number:06d}" if who.random() < 0.5 else None,
        "SystemModstamp": changed_at.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
    }
