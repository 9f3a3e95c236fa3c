"""A table of load `history` is the same whatever order, batches and repeats its records come in."""

import random
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import functions as F

from jobs import commits, delta
from jobs.run import run
from jobs.session import spark
from jobs.settings import Settings
from tests.integration.lake import land_lines

pytestmark = pytest.mark.integration

Change = tuple[int, str, str, int, str]
# Customer, operation, day of January, segment, in the order of the source's log.
SAID = [
    ("c-changed", "upsert", 1, "consumer"),
    ("c-changed", "upsert", 3, "business"),
    ("c-changed", "upsert", 3, "vip"),
    ("c-changed", "upsert", 5, "alien"),
    ("c-changed", "upsert", 7, "consumer"),
    ("c-deleted", "upsert", 1, "vip"),
    ("c-deleted", "delete", 4, "vip"),
    ("c-returned", "upsert", 1, "vip"),
    ("c-returned", "delete", 2, "vip"),
    ("c-returned", "upsert", 4, "business"),
    ("c-undone", "upsert", 1, "vip"),
    ("c-undone", "delete", 1, "vip"),
    ("c-unseen", "delete", 2, "vip"),
    ("c-corrected", "upsert", 1, "consumer"),
    ("c-corrected", "upsert", 8, "vip"),
    ("c-corrected", "upsert", 9, "vip"),
    ("c-corrected", "upsert", 3, "business"),
    ("c-restored", "upsert", 1, "vip"),
    ("c-restored", "delete", 6, "vip"),
    ("c-restored", "upsert", 1, "vip"),
    ("c-restored", "upsert", 8, "business"),
]
CHANGES: list[Change] = [(place, *said) for place, said in enumerate(SAID, 1)]
# Customer, segment, from, to, deleted, current. The later word holds from its time on.
VERSIONS = [
    ("c-changed", "consumer", 1, 3, False, False),
    ("c-changed", "vip", 3, 7, False, False),
    ("c-changed", "consumer", 7, None, False, True),
    ("c-corrected", "consumer", 1, 3, False, False),
    ("c-corrected", "business", 3, None, False, True),
    ("c-deleted", "vip", 1, 4, False, False),
    ("c-deleted", "vip", 4, None, True, False),
    ("c-restored", "vip", 1, 8, False, False),
    ("c-restored", "business", 8, None, False, True),
    ("c-returned", "vip", 1, 2, False, False),
    ("c-returned", "vip", 2, 4, True, False),
    ("c-returned", "business", 4, None, False, True),
    ("c-undone", "vip", 1, None, True, False),
    ("c-unseen", "vip", 2, None, True, False),
]


def _row(change: Change) -> dict[str, Any]:
    place, customer, operation, day, segment = change
    return {
        "operation": operation,
        "customer_id": customer,
        "email": "ada@shop.example",
        "full_name": "Ada",
        "phone": None,
        "segment": segment,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": f"2026-01-{day:02d}T00:00:00Z",
        "position": place,
    }


def _feed(settings: Settings, file: str, changes: list[Change]) -> dict[str, int]:
    """The fates of the changes, landed as one file."""
    land_lines(settings, "bronze.shop_customers", file, map(_row, changes))
    return run("silver.customers", settings).counts


def _rows(settings: Settings) -> list[Any]:
    """Every column of every version, the row hash too."""
    path = settings.table_path("silver.customers")
    found = spark(settings).read.format("delta").load(path).collect()
    return sorted(found, key=lambda row: (row["customer_id"], row["effective_from"]))


def _told(rows: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (
            row["customer_id"],
            row["segment"],
            row["effective_from"].day,
            row["effective_to"] and row["effective_to"].day,
            row["is_deleted"],
            row["is_current"],
        )
        for row in rows
    ]


def _shuffled(seed: int) -> list[Change]:
    """The changes in another order, some of them twice."""
    chance = random.Random(seed)
    return chance.sample(CHANGES + chance.sample(CHANGES, 4), len(CHANGES) + 4)


@pytest.fixture(scope="module")
def together(module_settings: Settings) -> Settings:
    """A lake to which all changes came at once."""
    lake = replace(module_settings, namespace=f"{module_settings.namespace}/together")
    _feed(lake, "all", CHANGES)
    return lake


def test_each_version_ends_where_the_next_begins_and_a_deleted_one_is_never_current(
    together: Settings,
) -> None:
    rows = _rows(together)
    assert _told(rows) == VERSIONS
    assert len({row["customer_key"] for row in rows}) == len(rows)


def test_any_order_and_any_batches_of_the_changes_make_the_same_table(
    together: Settings, module_settings: Settings
) -> None:
    mixed, newest_first = _shuffled(7), CHANGES[::-1]
    splits = {
        "reverse": [newest_first[:6], newest_first[6:]],
        "mixed": [mixed[:5], mixed[5:6], mixed[6:]],
    }
    for name, batches in splits.items():
        lake = replace(module_settings, namespace=f"{module_settings.namespace}/{name}")
        for number, batch in enumerate(batches):
            _feed(lake, f"batch-{number}", batch)
        assert _rows(lake) == _rows(together)


def test_changes_that_come_again_add_no_row(together: Settings) -> None:
    """Three are accepted again: they were overtaken, and have no row that could be compared."""
    before = _rows(together)
    fates = _feed(together, "again", CHANGES[::-1])
    assert fates == {"accepted": 3, "duplicate": len(CHANGES) - 4, "quarantined": 1}
    assert _rows(together) == before


def test_a_second_run_under_a_taken_number_writes_nothing(together: Settings) -> None:
    session, path = spark(together), together.table_path("silver.customers")
    before = _rows(together)
    last = commits.last_record(together, path)
    assert last is not None
    rows = session.read.format("delta").load(path).withColumn("segment", F.lit("vip"))
    identity = ("customer_id", "effective_from")
    delta.merge(rows, path, identity, replace(last, run_id="second", run_number=1))
    assert _rows(together) == before
    assert commits.last_record(together, path) == last
