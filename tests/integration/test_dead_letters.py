"""Refused messages in the dead-letter topic: as they came, with why and whence, and only once."""

from collections import Counter
from typing import Any

import pytest
from kafka import KafkaProducer

from jobs.rebuild import rebuild
from jobs.run import run
from jobs.settings import Settings
from tests.integration.lake import order, quarantined, received

pytestmark = pytest.mark.integration

HEADERS = [("trace", b"\xff\x00"), ("dlq.reasons", b"not ours")]
LARGEST = 1_048_000
REASONS = {
    None: "null_value",
    b"": "empty_value",
    b"\xff\xfe": "invalid_utf8",
    b'{"order_id":': "malformed_json",
    order("o-wrong", total_cents="100"): "wrong_type",
    order("o-total", total_cents=101): "total_mismatch",
    b"[" + b" " * (LARGEST - 2) + b"]": "not_an_object",
}


@pytest.fixture(scope="module")
def lake(module_settings: Settings) -> Settings:
    """Bad messages between good ones, judged."""
    producer = KafkaProducer(
        bootstrap_servers=module_settings.kafka_bootstrap_servers, max_request_size=2_000_000
    )
    for number, value in enumerate(REASONS):
        for one in (order(f"o-{number}"), value):
            key = b"c-%d" % number
            producer.send(module_settings.topic("orders"), one, key, HEADERS).get(timeout=30)
    producer.close()
    for table in ("bronze.orders", "silver.orders"):
        run(table, module_settings)
    return module_settings


def letters(settings: Settings) -> list[Any]:
    topic = settings.dead_letter_topic("orders")
    assert topic
    return received(settings, topic)


def test_each_refused_message_is_there_as_it_came_with_its_reason_and_its_place(
    lake: Settings,
) -> None:
    came = {f"{m.topic}/{m.partition}/{m.offset}": m for m in received(lake, lake.topic("orders"))}
    found = letters(lake)
    assert {letter.value: dict(letter.headers)["dlq.reasons"].decode() for letter in found} == (
        REASONS
    )
    for letter in found:
        told = dict(letter.headers)
        message = came[told["dlq.source"].decode()]
        assert (letter.key, letter.value) == (message.key, message.value)
        assert letter.headers[: len(HEADERS)] == HEADERS == message.headers
        assert told["dlq.table"] == b"silver.orders"


def test_the_table_has_the_same_messages(lake: Settings) -> None:
    refused = Counter(raw for raw, _ in quarantined(lake, "silver.orders"))
    assert refused == Counter(letter.value for letter in letters(lake)) == Counter([*REASONS])


def test_neither_another_run_nor_a_rebuild_tells_it_again(lake: Settings) -> None:
    before = len(letters(lake))
    run("silver.orders", lake)
    [rebuilt] = rebuild(lake, ["silver.orders"])
    assert rebuilt.is_identical
    assert len(letters(lake)) == before
