"""The people in the shop's database: who they are, how to reach them, where they live."""

from datetime import datetime
from random import Random
from typing import Any

Row = dict[str, Any]

FIRST_NAMES = ("Ada", "Björn", "Chloé", "Dario", "Elif", "Femi", "Grace", "Hana", "Ivo", "Jun")
LAST_NAMES = ("Adler", "Bernard", "Costa", "Dahl", "Evans", "Fischer", "García", "Haas", "Łuczak")
SEGMENT_WEIGHTS = {"consumer": 85, "business": 12, "vip": 3}
WITHOUT_PHONE_SHARE = 0.2
STREETS = ("Hauptstraße", "Rue du Port", "High Street", "Storgatan", "Polna", "Elm Street")
# Where somebody lives who pays in a currency.
PLACES = {
    "EUR": (("DE", "Berlin"), ("DE", "Köln"), ("FR", "Lyon"), ("NL", "Utrecht"), ("ES", "Sevilla")),
    "USD": (("US", "Denver"), ("US", "Portland")),
    "GBP": (("GB", "Leeds"), ("GB", "York")),
    "PLN": (("PL", "Łódź"), ("PL", "Gdańsk")),
    "SEK": (("SE", "Malmö"), ("SE", "Uppsala")),
}


def customer(customer_id: str, created_at: datetime, rng: Random) -> Row:
    """A customer as he signs up."""
    return {
        "customer_id": customer_id,
        "email": email(customer_id, rng),
        "full_name": f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}",
        "phone": phone(rng),
        "segment": segment(rng),
        "created_at": created_at,
        "updated_at": created_at,
    }


def address(customer_id: str, currency: str, moved_in_at: datetime, rng: Random) -> Row:
    """The one address of a customer."""
    return {
        "address_id": address_id(customer_id),
        "customer_id": customer_id,
        **home(currency, rng),
        "updated_at": moved_in_at,
    }


def address_id(customer_id: str) -> str:
    """The id of a customer's address."""
    return f"a-{customer_id.removeprefix('c-')}"


def email(customer_id: str, rng: Random) -> str:
    """An address that no other customer has."""
    return f"{customer_id}.{rng.randrange(1000):03d}@mail.example"


def phone(rng: Random) -> str | None:
    """A telephone number, if he gives one."""
    if rng.random() < WITHOUT_PHONE_SHARE:
        return None
    return f"+99 {rng.randrange(100, 1000)} {rng.randrange(10**6):06d}"


def segment(rng: Random) -> str:
    """How the shop treats him."""
    return rng.choices(list(SEGMENT_WEIGHTS), list(SEGMENT_WEIGHTS.values()))[0]


def home(currency: str, rng: Random) -> Row:
    """Street, postal code, city and country of somebody who pays in a currency."""
    country, city = rng.choice(PLACES[currency])
    return {
        "street": f"{rng.choice(STREETS)} {rng.randrange(1, 200)}",
        "postal_code": f"{rng.randrange(10_000, 100_000)}",
        "city": city,
        "country": country,
    }
