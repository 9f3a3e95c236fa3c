"""An independent reader of the shop's messages, written from their contract alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.generators.fields import ID_FIELDS, NULLABLE, NUMBERS, TIME_FIELDS

CURRENCIES = {"EUR", "USD", "GBP", "PLN", "SEK"}


class Reader:
    """Tells the class of every message from its bytes, and from what came before it."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def class_of(self, topic: str, value: bytes) -> str:
        try:
            record = json.loads(value)
        except ValueError:
            return "truncated_json"
        if value in self._seen:
            return "duplicate"
        self._seen.add(value)
        return _class_of_record(topic, record)


def _class_of_record(topic: str, record: dict[str, Any]) -> str:
    if ID_FIELDS[topic] not in record:
        return "missing_key"
    if not _has_right_types(topic, record):
        return "wrong_type"
    if record.get("currency", "EUR") not in CURRENCIES:
        return "unknown_currency"
    if record[TIME_FIELDS[topic]].startswith("2099-"):
        return "far_future"
    if topic == "orders" and record["total_cents"] != _sum_of_lines(record):
        return "total_mismatch"
    return "good"


def _has_right_types(topic: str, record: dict[str, Any]) -> bool:
    nullable = NULLABLE.get(topic, set())
    fields = [*record.items(), *(item for line in record.get("items", []) for item in line.items())]
    return all(
        type(value) is (int if name in NUMBERS else list if name == "items" else str)
        or (value is None and name in nullable)
        for name, value in fields
    )


def _sum_of_lines(order: dict[str, Any]) -> int:
    return sum(line["quantity"] * line["unit_price_cents"] for line in order["items"])


@pytest.fixture
def class_of() -> Callable[[str, bytes], str]:
    """(topic, value) -> class, for the messages of one run in the order of the stream."""
    return Reader().class_of
