"""Two in a hundred orders spoiled: where they go, what they stop, and how they come back."""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from random import Random
from typing import Any

import pytest
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from answers.evidence import Evidence, less_than, more_than
from answers.labs.kafka import read_all, send, take
from generators.defects import SPOILERS
from generators.messages import ORDERS
from generators.run import Defects, Run
from generators.shop import stream
from jobs.alert import Alert, alert, alerts
from jobs.commits import RunRecord
from jobs.quarantine import quarantine_path
from jobs.run import run
from jobs.serve import lake_content
from jobs.session import spark
from jobs.settings import Settings
from jobs.specs import find_spec, load_specs
from quality.doors import fix
from quality.passes import judge_tables
from quality.release import Picked, Released, release

TABLE = "silver.orders"
SHOP = Run(date(2026, 1, 5), 1_000, 7, Defects.totalling(0))
NEW_CURRENCY = "XXX"  # what the spoiler writes, and the mended rule takes
# How the spoiled ones are spoiled, the reason they must be refused for, and how many of 1,000.
SPOILED = {
    "truncated_json": ("malformed_json", 10),
    "wrong_type": ("wrong_type", 5),
    "unknown_currency": ("unknown_currency", 5),
}
REFUSED = dict(SPOILED.values())
BURST = 20
ATTEMPTS = 3


@dataclass(frozen=True)
class Sent:
    """What was sent; of each spoiled value why it must be refused, and what it was."""

    messages: Sequence[tuple[bytes, bytes]]
    spoiled: dict[bytes, str]
    whole: dict[bytes, bytes]

    @property
    def good(self) -> set[str]:
        """The ids of the orders that are as they should be."""
        return {json.loads(v)["order_id"] for _, v in self.messages if v not in self.spoiled}


@pytest.fixture(scope="module")
def sent() -> Sent:
    """A thousand orders, twenty of them spoiled at seeded places."""
    messages = [(one.key, one.value) for one in stream(SHOP) if one.topic == ORDERS]
    rng = Random(7)
    places = iter(rng.sample(range(len(messages) - 1), sum(REFUSED.values())))
    spoiled, whole = {}, {}
    for defect, (reason, count) in SPOILED.items():
        for place in (next(places) for _ in range(count)):
            key, value = messages[place]
            bad = SPOILERS[ORDERS][defect](value, rng.random())
            messages[place], spoiled[bad], whole[bad] = (key, bad), reason, value
    return Sent(messages, spoiled, whole)


@pytest.fixture(scope="module")
def runs(settings: Settings, sent: Sent) -> list[RunRecord]:
    """What the runs say of themselves that took all of it in, in two halves."""
    half = len(sent.messages) // 2
    done = []
    for messages in (sent.messages[:half], sent.messages[half:]):
        send(settings, settings.topic(ORDERS), messages)
        done += [run(table, settings) for table in ("bronze.orders", TABLE)]
    return done


def silver(settings: Settings) -> Any:
    """The table of the orders."""
    return spark(settings).read.format("delta").load(settings.table_path(TABLE))


def accepted(settings: Settings) -> set[str]:
    """The ids of the orders in silver."""
    return {row["order_id"] for row in silver(settings).select("order_id").collect()}


def refused(settings: Settings) -> list[Any]:
    """The rows of the quarantine."""
    return spark(settings).read.format("delta").load(quarantine_path(settings, TABLE)).collect()


def test_refused_and_accepted_messages_are_together_exactly_those_that_came(
    settings: Settings, sent: Sent, runs: list[RunRecord], evidence: Evidence
) -> None:
    rows = refused(settings)
    kept = accepted(settings)
    evidence("messages sent", len(sent.messages), SHOP.count, "orders")
    evidence("orders accepted", len(kept), SHOP.count - len(sent.spoiled), "orders")
    evidence("orders refused", len(rows), len(sent.spoiled), "orders")
    reasons = Counter(reason for row in rows for reason in row["reasons"])
    evidence.series("refused for", dict(sorted(reasons.items())), "orders")
    assert kept == sent.good
    assert {bytes(row["raw"]): row["reasons"] for row in rows} == {
        raw: [reason] for raw, reason in sent.spoiled.items()
    }


def test_no_run_stops_at_a_message_it_refuses(
    settings: Settings, sent: Sent, runs: list[RunRecord], evidence: Evidence
) -> None:
    refusing = [record for record in runs if record.counts.get("quarantined")]
    evidence("runs that refused something, and ended well", len(refusing), 2, "of two")
    behind = json.loads(sent.messages[-1][1])["order_id"]
    evidence("the order behind all of it is there", behind in accepted(settings), True)
    fates = [sum(record.counts.values()) for record in runs]
    evidence("messages landed and judged, run by run", str(fates), str([SHOP.count // 2] * 4))


def test_a_dead_letter_is_the_message_as_it_came_with_why_and_whence(
    settings: Settings, sent: Sent, runs: list[RunRecord], evidence: Evidence
) -> None:
    topic = settings.dead_letter_topic(ORDERS)
    assert topic
    letters = read_all(settings, topic)
    came = {
        f"{m.topic}/{m.partition}/{m.offset}": m for m in read_all(settings, settings.topic(ORDERS))
    }
    as_it_came = 0
    for letter in letters:
        said = {name: value.decode() for name, value in letter.headers if name.startswith("dlq.")}
        message = came[said["dlq.source"]]
        as_it_came += (letter.key, letter.value) == (message.key, message.value)
        assert said["dlq.reasons"] == sent.spoiled[letter.value]
    evidence("dead letters", len(letters), len(sent.spoiled), "letters")
    evidence("of them equal to the record at their place, byte for byte", as_it_came, len(letters))
    heads = [(name, value.decode()) for name, value in letters[0].headers if name != "dlq.run_id"]
    shown = [("value", letters[0].value[-40:].decode()), *heads]
    evidence.table("one letter", ("header", "says"), [(a, b.split(".", 1)[-1]) for a, b in shown])


@pytest.mark.control
def test_a_consumer_with_no_place_for_bad_messages_stands_still_or_lies(
    settings: Settings, sent: Sent, runs: list[RunRecord], evidence: Evidence
) -> None:
    topic = settings.topic(ORDERS)
    place = TopicPartition(topic, 0)
    records = [record for record in read_all(settings, topic) if record.partition == 0]
    naive: dict[str, Any] = {"enable_auto_commit": False, "auto_offset_reset": "earliest"}
    naive |= {"bootstrap_servers": settings.kafka_bootstrap_servers, "group_id": f"{topic}.naive"}
    stood_at = []
    for _ in range(ATTEMPTS):
        with closing(KafkaConsumer(**naive)) as consumer:
            consumer.assign([place])
            for record in take(consumer, len(records) - consumer.position(place)):
                if not _is_json(record.value):
                    stood_at.append(record.offset)
                    break
                consumer.commit({place: OffsetAndMetadata(record.offset + 1, "", -1)})
    evidence("starts that ended at the same offset", len(stood_at), ATTEMPTS, "of three")
    assert len(set(stood_at)) == 1
    evidence("records stuck behind it", len(records) - stood_at[0] - 1, more_than(0), "records")
    taken = [value for _, value in sent.messages if _is_json(value)]
    let_in = Counter(sent.spoiled[value] for value in taken if value in sent.spoiled)
    evidence("bad orders let in by a parser that skips", let_in.total(), 10, "orders")
    evidence("orders it skipped and kept nowhere", len(sent.messages) - len(taken), 10, "orders")
    assert let_in == {"wrong_type": 5, "unknown_currency": 5}


def _is_json(value: bytes) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def test_after_a_rule_was_mended_a_replay_takes_in_what_it_allows_and_only_once(
    settings: Settings,
    sent: Sent,
    runs: list[RunRecord],
    monkeypatch: pytest.MonkeyPatch,
    evidence: Evidence,
) -> None:
    spec = find_spec(TABLE)
    mended = tuple(
        replace(rule, args={"values": [*rule.args["values"], NEW_CURRENCY]})
        if rule.rule == "in_set"
        else rule
        for rule in spec.quality
    )
    open_count = len(sent.spoiled)
    assert release(settings, Picked(TABLE)) == Released(TABLE, 0, 0, open_count)
    monkeypatch.setitem(load_specs(), TABLE, replace(spec, quality=mended))
    done = release(settings, Picked(TABLE))
    evidence("taken in by the replay", done.accepted, 5, "orders")
    evidence("refused again", done.still_refused, open_count - 5, "orders")
    allowed = {value for value, reason in sent.spoiled.items() if reason == "unknown_currency"}
    assert accepted(settings) == sent.good | {json.loads(value)["order_id"] for value in allowed}
    before = lake_content(silver(settings), spec)
    again = release(settings, Picked(TABLE))
    evidence("taken in by a second replay", again.accepted + again.duplicate, 0, "orders")
    assert lake_content(silver(settings), spec) == before


def test_a_corrected_message_is_sent_again_through_the_same_door(
    settings: Settings, sent: Sent, runs: list[RunRecord], evidence: Evidence
) -> None:
    cut = next(row for row in refused(settings) if row["reasons"] == ["malformed_json"])
    whole = sent.whole[bytes(cut["raw"])]
    fix(settings, TABLE, cut["record_id"], whole)
    for table in ("bronze.orders", TABLE):
        run(table, settings)
    evidence(
        "the corrected order is there", json.loads(whole)["order_id"] in accepted(settings), True
    )
    evidence(
        "what was refused stays on record", len(refused(settings)), len(sent.spoiled), "orders"
    )


def test_an_unusual_share_of_refusals_is_told_and_a_usual_one_is_not(
    settings: Settings, sent: Sent, runs: list[RunRecord], evidence: Evidence
) -> None:
    assert not {one.rule for one in judge_tables(settings, [TABLE]).failures} & set(REFUSED)
    send(settings, settings.topic(ORDERS), [(b"c", b'{"cut":%d' % n) for n in range(BURST)])
    for table in ("bronze.orders", TABLE):
        run(table, settings)
    [found] = [one for one in judge_tables(settings, [TABLE]).failures if one.rule in REFUSED]
    evidence(
        "share of whole orders after a burst",
        100 * float(found.measured or 0),
        less_than(99),
        "%",
    )
    told = Alert(f"data quality of {settings.namespace}", found.severity, TABLE, found.text)
    number = alert(settings, told)
    [heard] = alerts(settings, number - 1)
    evidence("what the channel heard of it", heard["detail"].split(",")[0])
    assert "malformed_json" in heard["detail"]
