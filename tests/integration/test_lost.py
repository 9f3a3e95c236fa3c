"""Records that Kafka deleted before they were read: named, never passed over in silence."""

from typing import Any

import pytest
from kafka import TopicPartition

from jobs.commits import last_record
from jobs.errors import LakeproofError, LedgerError
from jobs.lost import give_up
from jobs.objects import delete_objects
from jobs.rebuild import rebuild
from jobs.run import run
from jobs.session import spark
from jobs.settings import Settings
from jobs.stream.query import start
from jobs.topics import admin, end_offsets
from tests.integration.lake import order, send

pytestmark = pytest.mark.integration

TABLE = "bronze.orders"


def delete_before(settings: Settings, offsets: dict[str, int]) -> None:
    """What retention does, now."""
    topic = settings.topic("orders")
    client = admin(settings)
    client.delete_records({TopicPartition(topic, int(n)): at for n, at in offsets.items()})
    client.close()


def landed(settings: Settings) -> list[Any]:
    rows = spark(settings).read.format("delta").load(settings.table_path(TABLE))
    return rows.select("partition", "offset").collect()


def test_what_kafka_deleted_is_named_and_nothing_is_landed_until_it_is_written_down(
    namespace_settings: Settings,
) -> None:
    own, topic = namespace_settings, namespace_settings.topic("orders")
    send(own, "orders", [order(f"o-{n}") for n in range(10)])
    run(TABLE, own)
    send(own, "orders", [order(f"o-{n}") for n in range(10, 20)])
    [(number, end)] = [(n, at) for n, at in end_offsets(own, topic).items() if at]
    with pytest.raises(LakeproofError, match="nothing of bronze.orders is lost"):
        give_up(own, TABLE)
    delete_before(own, {number: end - 4})
    gap = rf"6 records.*{number}: \[10, 16\)"
    with pytest.raises(LedgerError, match=gap):
        run(TABLE, own)
    with pytest.raises(LedgerError, match=gap):
        start(spark(own), own)
    assert len(landed(own)) == 10
    assert give_up(own, TABLE).counts == {"landed": 0, "lost": 6}
    run(TABLE, own)
    assert sorted(row["offset"] for row in landed(own)) == [*range(10), *range(16, 20)]
    record = last_record(own, own.table_path(TABLE))
    assert record and record.inputs[number] == end


def test_a_table_made_anew_is_told_to_who_had_read_more_of_it_and_rebuilt_all_is_well(
    namespace_settings: Settings,
) -> None:
    own = namespace_settings
    for first in (0, 10):
        send(own, "orders", [order(f"o-{n}") for n in range(first, first + 10)])
        run(TABLE, own)
        run("silver.orders", own)
    delete_objects(own, own.object_key("bronze/orders/"))
    run(TABLE, own)
    with pytest.raises(LakeproofError, match=r"deleted and made anew.*jobs\.rebuild"):
        run("silver.orders", own)
    assert [done.is_identical for done in rebuild(own, ["silver.orders"])] == [True]
    assert run("silver.orders", own).counts == {}
    send(own, "orders", [order("o-20")])
    run(TABLE, own)
    assert run("silver.orders", own).counts["accepted"] == 1
