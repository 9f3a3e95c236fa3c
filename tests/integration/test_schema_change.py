"""The table of decisions on schema change, carried out on live records of a source that changes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jobs.alert import alerts
from jobs.commits import RunRecord, last_record, records
from jobs.session import spark
from jobs.settings import ROOT, Settings
from jobs.topics import admin
from tests.alerts.serving import serving
from tests.integration.lake import quarantined, send

pytestmark = pytest.mark.integration

TABLES = ("bronze.readings", "silver.readings", "gold.reading_totals")
BRONZE = """
description: Readings of the shelves, byte for byte.
grain: one row per Kafka record
load: append
source: {kind: kafka, topic: readings, format: json}
columns:
  reading_id: {type: string, about: Identifies the reading}
  quantity: {type: int, unit: pieces, about: How many}
  price_cents: {type: int, unit: cents, about: The price on the shelf}
  currency: {type: string, about: Of the price}
"""
SILVER = """
description: Readings of the shelves.
grain: one row per reading_id
inputs: [bronze.readings]
load: insert
keys: [reading_id]
columns:
  reading_id: {type: string, about: Identifies the reading}
  quantity: {type: int, unit: pieces, about: How many}
  price_cents: {type: int, unit: cents, about: The price on the shelf}
  currency: {type: string, about: Of the price}
quality:
  - {rule: in_set, column: currency, values: [EUR, USD], reason: unknown_currency,
     on_fail: quarantine}
examples: [{name: none, given: {bronze.readings: []}, expect: []}]
"""
GOLD = """
description: How much was read in each currency?
grain: one row per currency
inputs: [silver.readings]
load: recompute
group: currency
touched_by: {silver.readings: currency}
keys: [currency]
columns:
  currency: {type: string, about: Of the price}
  pieces_count: {type: bigint, unit: pieces, about: How many}
examples: [{name: none, given: {silver.readings: []}, expect: []}]
"""
PURE = '''"""Readings."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform({name}: DataFrame) -> DataFrame:
    """What is read."""
    return {name}{rest}
'''
SUM = '.groupBy("currency").agg(F.sum("quantity").cast("bigint").alias("pieces_count"))'
COUPON = "  coupon: {type: string, nullable: true, about: What was redeemed}\n"


def _reading(name: str, **changes: Any) -> bytes:
    message = {"reading_id": name, "quantity": 2, "price_cents": 50, "currency": "EUR"} | changes
    kept = {field: value for field, value in message.items() if value is not ...}
    return json.dumps(kept, separators=(",", ":")).encode()


def _twelve(kind: str, **changes: Any) -> list[bytes]:
    return [_reading(f"r-{kind}-{number}", **changes) for number in range(12)]


# What the source sends before the spec says anything of it: the rows of the table of decisions.
ROUND = {
    "none": [_reading(f"r-good-{number}") for number in range(90)],
    "new column": _twelve("new", coupon="SPRING"),
    "dropped column": _twelve("dropped", currency=...),
    "renamed column": _twelve("renamed", price_cents=..., price=50),
    "widened column": _twelve("widened", quantity=5_000_000_000),
    "retyped column": _twelve("retyped", price_cents="50"),
    "new enum value": _twelve("value", currency="CHF"),
}
REASONS = {
    "not_null:currency": 12,
    "not_null:price_cents": 12,
    "unknown_currency": 12,
    "wrong_type": 24,
}


class Story(NamedTuple):
    """What three runs left behind: as sent, after the spec followed, and with a narrower spec."""

    settings: Settings
    first: RunRecord
    second: RunRecord
    told: list[dict[str, Any]]
    refusal: str


class Tree:
    """A copy of the repository in which the table is deployed, and deployed otherwise later."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root, self.settings = root, settings
        for name in ("jobs", "quality", "generators"):
            shutil.copytree(ROOT / name, root / name)
        (root / "jobs/silver/readings.py").write_text(PURE.format(name="readings", rest=""))
        (root / "jobs/gold/reading_totals.py").write_text(PURE.format(name="readings", rest=SUM))
        self.deploy(BRONZE, SILVER)

    def deploy(self, bronze: str, silver: str) -> None:
        (self.root / "jobs/bronze/readings.yml").write_text(bronze)
        (self.root / "jobs/silver/readings.yml").write_text(silver)
        (self.root / "jobs/gold/reading_totals.yml").write_text(GOLD)

    def run(self) -> subprocess.CompletedProcess[str]:
        own = {**os.environ, **self.settings.environment(), "PYTHONPATH": str(self.root)}
        command = [sys.executable, "-m", "jobs", *TABLES]
        return subprocess.run(command, cwd=self.root, env=own, capture_output=True, text=True)


@pytest.fixture(scope="module")
def settings(
    module_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A namespace whose alerts go to a receiver of its own."""
    with serving(tmp_path_factory.mktemp("alerts")) as channel:
        yield replace(module_settings, alert_url=channel.url)


@pytest.fixture(scope="module")
def story(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    path = settings.table_path("silver.readings")
    topic = settings.topic("readings")
    client = admin(settings)
    client.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
    tree = Tree(tmp_path_factory.mktemp("tree"), settings)
    send(settings, "readings", [value for values in ROUND.values() for value in values])
    _succeed(tree.run())
    first = last_record(settings, path)
    told = alerts(settings)

    wider = [
        text.replace("quantity: {type: int", "quantity: {type: bigint") for text in (BRONZE, SILVER)
    ]
    bronze = wider[0] + COUPON
    silver = wider[1].replace("[EUR, USD]", "[EUR, USD, CHF]")
    silver = silver.replace("quality:\n", COUPON + "quality:\n")
    tree.deploy(bronze, silver)
    followed = _reading("r-all", quantity=5_000_000_000, currency="CHF", coupon="SPRING")
    send(settings, "readings", [followed, ROUND["none"][0]])
    _succeed(tree.run())
    second = last_record(settings, path)
    assert first and second

    tree.deploy(bronze, silver.replace("quantity: {type: bigint", "quantity: {type: int"))
    yield Story(settings, first, second, told, tree.run().stderr)
    client.delete_topics([topic])
    client.close()


def _succeed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def _rows(story: Story, table: str) -> list[Any]:
    frame = spark(story.settings).read.format("delta").load(story.settings.table_path(table))
    return sorted(frame.drop("_row_hash").collect())


def test_what_breaks_is_refused_with_its_reason_and_the_good_records_go_on(story: Story) -> None:
    assert story.first.counts == {"accepted": 102, "duplicate": 0, "quarantined": 60}
    assert story.first.reasons == REASONS
    passing = {*ROUND["none"], *ROUND["new column"]}
    refused = {value for values in ROUND.values() for value in values} - passing
    assert {raw for raw, _ in quarantined(story.settings, "silver.readings")} == refused


def test_a_new_field_passes_and_the_run_names_where_it_was_first_seen(story: Story) -> None:
    topic = story.settings.topic("readings")
    assert story.first.new_fields == {
        "coupon": {"first": f"{topic}/0/90", "rows": 12},
        "price": {"first": f"{topic}/0/114", "rows": 12},
    }


def test_what_breaks_is_alarmed_and_what_adds_is_not(story: Story) -> None:
    titles = {one["title"] for one in story.told}
    assert titles == {
        f"silver.readings: {rows} of 162 records refused for {reason}"
        for reason, rows in REASONS.items()
    }


def test_a_wider_spec_widens_the_stored_column_and_adds_the_new_one(story: Story) -> None:
    path = story.settings.table_path("silver.readings")
    stored = spark(story.settings).read.format("delta").load(path).drop("_row_hash")
    assert [(field.name, field.dataType.simpleString()) for field in stored.schema.fields] == [
        ("reading_id", "string"),
        ("quantity", "bigint"),
        ("price_cents", "int"),
        ("currency", "string"),
        ("coupon", "string"),
    ]
    runs = [one for _, one in records(story.settings, path)]
    assert {change for one in runs for change in one.followed} == {
        "new column: coupon string",
        "widened column: quantity from int to bigint",
    }


def test_values_that_the_old_contract_refused_arrive_and_old_rows_stay(story: Story) -> None:
    old = [(f"r-good-{number}", 2, 50, "EUR", None) for number in range(90)]
    new = [(f"r-new-{number}", 2, 50, "EUR", None) for number in range(12)]
    followed = [("r-all", 5_000_000_000, 50, "CHF", "SPRING")]
    assert [tuple(row) for row in _rows(story, "silver.readings")] == sorted(old + new + followed)


def test_a_record_that_comes_again_after_the_widening_is_still_a_duplicate(story: Story) -> None:
    assert story.second.counts == {"accepted": 1, "duplicate": 1, "quarantined": 0}
    assert story.second.new_fields == {}


def test_a_reader_of_the_table_follows_across_the_widening(story: Story) -> None:
    totals = [tuple(row) for row in _rows(story, "gold.reading_totals")]
    assert totals == [("CHF", 5_000_000_000), ("EUR", 204)]


def test_a_narrower_spec_is_refused_with_the_way_out(story: Story) -> None:
    assert "silver.readings: narrowed column quantity from bigint to int" in story.refusal
    assert "python -m jobs.rebuild silver.readings" in story.refusal
