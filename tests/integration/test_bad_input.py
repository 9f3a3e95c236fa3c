"""Bad input: each bad record, and only it, is refused with its reason; the others are as if alone.

The records and files are in `poison.py` and `poison_meaning.py`, under the numbers of
`docs/bad-input.md`. All of them land at once, between good ones.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaProducer

from generators.ledger import Ledger
from generators.messages import Message
from generators.producer import PRODUCERS, Headers, Transport
from jobs.commits import RunRecord
from jobs.namespace import namespace
from jobs.run import run
from jobs.session import spark
from jobs.settings import Settings
from tests.integration.lake import land_file, order, quarantined
from tests.integration.poison import DUPLICATE, HOSTILE, SYNTAX, TYPES, Record
from tests.integration.poison_meaning import FILES, IDENTITY, TEXTS, TIME, File, as_it_should_be

pytestmark = pytest.mark.integration

RECORDS = [*SYNTAX, *TYPES, *TIME, *IDENTITY, *TEXTS]
SUITE_FILE = Path(__file__).with_name("json_test_suite.json")
SUITE: dict[str, bytes] = {
    **{n: base64.b64decode(b) for n, b in json.loads(SUITE_FILE.read_text())["files"].items()},
    "n_structure_100000_opening_arrays": b"[" * 100_000,
    "n_structure_open_array_object": b'[{"":' * 50_000 + b"\n",
}
NO_JSON = {"malformed_json", "invalid_utf8", "empty_value"}
# Valid by the grammar of JSON and refused all the same: docs/decisions/strict-decoding.md.
STRICTER = {
    "y_object_duplicated_key": {"malformed_json"},
    "y_object_duplicated_key_and_value": {"malformed_json"},
    "y_object_escaped_null_in_key": {"control_character"},
}
HEADERS = [("run_id", b"\xff\x00"), (HOSTILE, HOSTILE.encode())]
TOPICS = ("orders", "payments", "reviews")
TABLES = (*TOPICS, "fx_rates")
# The second delivery of a file is at another moment, which is one of its columns.
OF_DELIVERY = {"delivered_at": None, "_row_hash": None}


class Judged(NamedTuple):
    """A namespace after its runs: what they wrote down, rows by key, reasons by raw bytes."""

    settings: Settings
    records: dict[str, tuple[RunRecord, RunRecord]]
    rows: dict[str, dict[str, dict[str, Any]]]
    refused: dict[str, list[tuple[bytes | None, list[str]]]]

    def reasons(self, table: str, raw: bytes | None) -> list[list[str]]:
        """The reasons of every quarantined record with these bytes."""
        return [reasons for value, reasons in self.refused[table] if value == raw]


def _send(settings: Settings, records: Iterable[Record]) -> None:
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, max_request_size=2_000_000
    )
    topics = [(settings.topic(one.topic), one) for one in records]
    sent = [producer.send(topic, one.value, one.key, HEADERS) for topic, one in topics]
    for future in sent:
        future.get(timeout=30)
    producer.close()


def _judge(settings: Settings) -> Judged:
    records = {
        name: (run(f"bronze.{name}", settings), run(f"silver.{name}", settings)) for name in TABLES
    }
    run("gold.dim_date", settings)
    bad = {
        name: quarantined(settings, f"silver.{name}") if silver.counts["quarantined"] else []
        for name, (_, silver) in records.items()
    }
    return Judged(settings, records, {name: _rows(settings, name) for name in TABLES}, bad)


def _rows(settings: Settings, name: str) -> dict[str, dict[str, Any]]:
    path = settings.table_path(f"silver.{name}")
    found = [row.asDict() for row in spark(settings).read.format("delta").load(path).collect()]
    if name == "fx_rates":
        return {f"{row['rate_date']} {row['currency']}": row for row in found}
    return {row[f"{name.removesuffix('s')}_id"]: row for row in found}


@pytest.fixture(scope="module")
def poisoned(stack: Settings) -> Iterator[Judged]:
    """Everything bad between good orders, landed and judged."""
    with namespace(stack) as settings:
        good = [Record(0, "good", order(f"o-good-{n}")) for n in range(len(RECORDS))]
        suite = [Record(17, name, value) for name, value in SUITE.items()]
        mixed = [one for pair in zip(good, RECORDS, strict=True) for one in pair]
        _send(settings, [*mixed, *suite])
        for file in FILES:
            land_file(settings, f"fx_rates/{file.name}", file.data)
        yield _judge(settings)


@pytest.fixture(scope="module")
def clean(stack: Settings) -> Iterator[Judged]:
    """The same without what was refused."""
    with namespace(stack) as settings:
        kept = []
        for number, one in enumerate(RECORDS):
            kept.append(Record(0, "good", order(f"o-good-{number}")))
            kept += [one] if not one.reason else []
        _send(settings, kept)
        for file in (file for file in FILES if file.accepted):
            land_file(settings, f"fx_rates/{file.name}", as_it_should_be(file))
        yield _judge(settings)


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: f"{one.number}-{one.what}")
def test_a_bad_record_is_refused_with_its_reason(poisoned: Judged, record: Record) -> None:
    found = poisoned.reasons(record.topic, record.value)
    if record.reason in ("", DUPLICATE):
        assert found == []
        assert bool(record.why) is (record.reason == "")
    else:
        assert found
        assert all(record.reason in reasons for reasons in found)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_record_has_exactly_one_fate(poisoned: Judged, topic: str) -> None:
    sent = [one for one in RECORDS if one.topic == topic]
    good = len(RECORDS) if topic == "orders" else 0
    suite = len(SUITE) if topic == "orders" else 0
    bronze, silver = poisoned.records[topic]
    accepted = sum(not one.reason for one in sent) + good
    duplicate = sum(one.reason == DUPLICATE for one in sent)
    assert bronze.counts == {"landed": len(sent) + good + suite}
    assert silver.counts == {
        "accepted": accepted,
        "duplicate": duplicate,
        "quarantined": len(sent) + good + suite - accepted - duplicate,
    }


@pytest.mark.parametrize("topic", TOPICS)
def test_exactly_the_bad_records_are_in_quarantine_with_their_bytes(
    poisoned: Judged, topic: str
) -> None:
    bad = [one.value for one in RECORDS if one.topic == topic and one.reason not in ("", DUPLICATE)]
    suite = [*SUITE.values()] if topic == "orders" else []
    assert Counter(raw for raw, _ in poisoned.refused[topic]) == Counter([*bad, *suite])


def test_the_json_test_suite_is_judged_as_its_names_say(poisoned: Judged) -> None:
    wrong = {}
    for name, value in SUITE.items():
        reasons = {reason for found in poisoned.reasons("orders", value) for reason in found}
        is_refused_as_no_json = bool(reasons & NO_JSON)
        is_due = {"n": not is_refused_as_no_json, "y": is_refused_as_no_json, "i": not reasons}
        if is_due[name[0]] and reasons != STRICTER.get(name):
            wrong[name] = reasons
    assert wrong == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.number}-{file.name}")
def test_of_a_bad_file_the_bad_rows_are_refused_and_the_others_kept(
    poisoned: Judged, file: File
) -> None:
    for row, reason in file.refused.items():
        assert [reason] in poisoned.reasons("fx_rates", row)
    rates = poisoned.rows["fx_rates"]
    assert {key: str(rates[key]["rate_to_eur"]) for key in file.accepted} == file.accepted


def test_every_row_of_the_files_has_exactly_one_fate(poisoned: Judged) -> None:
    bronze, silver = poisoned.records["fx_rates"]
    refused = Counter(row for file in FILES for row in file.refused)
    accepted = {key for file in FILES for key in file.accepted}
    assert Counter(raw for raw, _ in poisoned.refused["fx_rates"]) == refused
    assert set(poisoned.rows["fx_rates"]) == accepted
    assert bronze.counts["landed"] == sum(silver.counts.values()) == refused.total() + len(accepted)


@pytest.mark.parametrize("table", TABLES)
def test_without_the_bad_records_silver_is_the_same(
    poisoned: Judged, clean: Judged, table: str
) -> None:
    masked = OF_DELIVERY if table == "fx_rates" else {}
    both = [
        {key: row | masked for key, row in judged.rows[table].items()}
        for judged in (poisoned, clean)
    ]
    assert both[0] == both[1]
    assert clean.records[table][1].counts["quarantined"] == 0


def test_without_the_bad_records_gold_is_the_same(poisoned: Judged, clean: Judged) -> None:
    days = [
        spark(one.settings).read.format("delta").load(one.settings.table_path("gold.dim_date"))
        for one in (poisoned, clean)
    ]
    assert sorted(days[0].collect()) == sorted(days[1].collect())


def test_keys_headers_and_texts_are_kept_as_they_came(poisoned: Judged) -> None:
    settings = poisoned.settings
    bronze = spark(settings).read.format("delta").load(settings.table_path("bronze.orders"))
    sent = next(one for one in RECORDS if one.what == "hostile_key")
    row = next(row for row in bronze.collect() if row["value"] == sent.value)
    assert bytes(row["key"]) == sent.key
    assert [(h["key"], bytes(h["value"])) for h in row["headers"]] == HEADERS
    assert poisoned.rows["orders"]["o-hostile"]["customer_id"] == HOSTILE
    assert poisoned.rows["reviews"]["v-hostile"]["text"] == HOSTILE


def test_e_mails_and_cards_are_masked_in_silver(poisoned: Judged) -> None:
    reviews = poisoned.rows["reviews"]
    assert reviews["v-mail"]["text"] == "Write to [e-mail]!"
    assert reviews["v-card"]["text"] == "Paid with [card]."


def test_a_message_the_broker_does_not_take_is_in_the_producers_ledger(
    namespace_settings: Settings,
) -> None:
    ledger = Ledger()
    headers: Headers = {namespace_settings.topic("orders"): []}
    producer = PRODUCERS["confluent"](namespace_settings, Transport(), headers, ledger.report)
    for message in (Message("orders", b"c-1", b"x" * 1_100_000), Message("orders", b"c-1", b"x")):
        ledger.sent(message)
        producer.send(namespace_settings.topic("orders"), message)
    producer.drain(10)
    producer.close()
    assert (ledger.acked_count, ledger.rejected_count) == (1, 1)
    assert re.search("too large", ledger.topics["orders"].reasons[0])
