"""What goes wrong: each class really has its defect, as often as declared."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from datetime import date, datetime

import pytest

from generators.defects import LATEST_REPEAT, labels
from generators.messages import (
    CLICKS,
    DUPLICATE,
    GOOD,
    ORDERS,
    PAYMENTS,
    REFUNDS,
    REVIEWS,
    SHIPMENTS,
    SOCIAL_MENTIONS,
    TOPICS,
    Message,
)
from generators.run import Defects
from generators.shop import simulate

DAY = date(2026, 1, 5)
LEAP_DAY = date(2028, 2, 29)
NO_DEFECTS = Defects.totalling(0)
CLASSES = [spec.name for spec in fields(Defects)]
BAD_CLASSES = [name for name in CLASSES if name != DUPLICATE]

ClassOf = Callable[[str, bytes], str]


def only(name: str, share: float) -> Defects:
    return Defects(**{**dict.fromkeys(CLASSES, 0.0), name: share})


def test_every_message_is_what_its_label_says(class_of: ClassOf) -> None:
    messages = list(simulate(DAY, 3_000, 7, Defects.totalling(0.4)))
    assert [class_of(m.topic, m.value) for m in messages] == [m.label for m in messages]
    assert {(m.topic, m.label) for m in messages} == {
        (topic, label) for topic in TOPICS for label in labels(topic)
    }


@pytest.mark.parametrize("name", BAD_CLASSES)
def test_a_share_of_1_spoils_every_record_it_applies_to(name: str, class_of: ClassOf) -> None:
    for message in simulate(LEAP_DAY, 200, 7, only(name, 1)):
        expected = name if name in labels(message.topic) else GOOD
        assert class_of(message.topic, message.value) == expected


def test_every_class_happens_where_it_makes_sense() -> None:
    everywhere = {"good", "duplicate", "truncated_json", "missing_key", "far_future", "wrong_type"}
    assert set(labels(ORDERS)) == everywhere | {"total_mismatch", "unknown_currency"}
    for topic in (PAYMENTS, REFUNDS):
        assert set(labels(topic)) == everywhere | {"unknown_currency"}
    for topic in (CLICKS, SHIPMENTS, REVIEWS, SOCIAL_MENTIONS):
        assert set(labels(topic)) == everywhere


def test_shares_are_near_what_was_declared() -> None:
    defects = Defects()
    counts = Counter((m.topic, m.label) for m in simulate(DAY, 20_000, 7, defects))
    for topic in TOPICS:
        originals = sum(counts[topic, label] for label in labels(topic) if label != DUPLICATE)
        for name in labels(topic)[1:]:
            expected = originals * defects.shares()[name]
            assert counts[topic, name] == pytest.approx(expected, abs=4 * expected**0.5)


def test_a_defective_record_stands_in_place_of_a_good_one() -> None:
    clean = list(simulate(DAY, 2_000, 7, NO_DEFECTS))
    mixed = [m for m in simulate(DAY, 2_000, 7, Defects.totalling(0.4)) if m.label != DUPLICATE]
    assert [(m.topic, m.key) for m in mixed] == [(m.topic, m.key) for m in clean]
    for before, after in zip(clean, mixed, strict=True):
        assert (before == after) == (after.label == GOOD)


def test_a_duplicate_is_the_same_record_again_later() -> None:
    first: dict[bytes, tuple[int, Message]] = {}
    distances = []
    for position, message in enumerate(simulate(DAY, 4_000, 7, only(DUPLICATE, 0.2))):
        if message.label == DUPLICATE:
            original_position, original = first[message.value]
            assert (original.topic, original.key) == (message.topic, message.key)
            distances.append(position - original_position)
        else:
            first[message.value] = (position, message)
    assert len(distances) > 3_000
    assert min(distances) >= 1
    assert max(distances) > LATEST_REPEAT / 2


def test_a_time_in_2099_is_a_real_time_even_for_a_leap_day() -> None:
    for message in simulate(LEAP_DAY, 50, 7, only("far_future", 1)):
        record = json.loads(message.value)
        [time] = [value for name, value in record.items() if name.endswith("_at")]
        assert datetime.fromisoformat(time).year == 2099


def test_a_payment_of_a_defective_order_is_good_itself() -> None:
    messages = list(simulate(DAY, 200, 7, only("total_mismatch", 1)))
    assert {m.label for m in messages if m.topic == ORDERS} == {"total_mismatch"}
    assert {m.label for m in messages if m.topic == PAYMENTS} == {GOOD}
