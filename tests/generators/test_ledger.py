"""The delivery ledger: produced = acknowledged + rejected, whatever the broker does."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from generators.checksum import Tally
from generators.ledger import REASONS_KEPT, Ledger
from generators.messages import ORDERS, PAYMENTS, Message
from generators.truth import tally_of
from jobs.errors import LedgerError


def order(value: bytes) -> Message:
    return Message(ORDERS, b"c-000001", value)


def test_every_message_is_acknowledged_or_rejected() -> None:
    ledger = Ledger()
    for value in (b"a", b"b", b"c"):
        ledger.sent(order(value))
    ledger.report(order(b"b"), None)
    ledger.report(order(b"a"), "too large")
    assert ledger.in_flight == 1
    ledger.report(order(b"c"), None)
    topic = ledger.topics[ORDERS]
    assert topic.acked == tally_of([b"b", b"c"])
    assert topic.rejected == tally_of([b"a"])
    assert topic.produced == topic.acked + topic.rejected
    assert (ledger.acked_count, ledger.rejected_count, ledger.in_flight) == (2, 1, 0)


def test_silence_is_rejection_and_a_late_report_changes_nothing() -> None:
    ledger = Ledger()
    for value in (b"a", b"b"):
        ledger.sent(order(value))
    ledger.report(order(b"a"), None)
    ledger.close("no report after 40 s")
    ledger.report(order(b"b"), None)
    topic = ledger.topics[ORDERS]
    assert topic.acked == tally_of([b"a"])
    assert topic.rejected == tally_of([b"b"])
    assert topic.reasons == ["no report after 40 s"]
    assert ledger.in_flight == 0


def test_different_reasons_are_kept_but_not_without_end() -> None:
    ledger = Ledger()
    for number in range(3 * REASONS_KEPT):
        ledger.sent(order(b"a"))
        ledger.report(order(b"a"), f"reason {number // 2}")
    assert ledger.topics[ORDERS].reasons == [f"reason {n}" for n in range(REASONS_KEPT)]


def test_no_report_is_lost_between_threads() -> None:
    ledger = Ledger()
    messages = [order(b"%d" % number) for number in range(20_000)]
    for message in messages:
        ledger.sent(message)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda message: ledger.report(message, None), messages))
    assert ledger.topics[ORDERS].acked == ledger.topics[ORDERS].produced
    assert ledger.topics[ORDERS].rejected == Tally()
    assert ledger.in_flight == 0


def test_what_the_broker_did_not_take_is_named() -> None:
    ledger = Ledger()
    ledger.sent(order(b"a"))
    ledger.sent(Message(PAYMENTS, b"c-000001", b"p"))
    ledger.report(order(b"a"), None)
    ledger.close("no report after 40 s")
    with pytest.raises(LedgerError, match="1 of 1 to payments .no report after 40 s"):
        ledger.require_all_acked()


def test_a_ledger_with_all_acknowledged_is_silent() -> None:
    ledger = Ledger()
    ledger.sent(order(b"a"))
    ledger.report(order(b"a"), None)
    ledger.close("no report")
    ledger.require_all_acked()
