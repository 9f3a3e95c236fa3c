"""Topics as producers leave them: transactions, clocks that go back, and topics made anew."""

from contextlib import closing

import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer

from jobs.errors import LedgerError
from jobs.lost import give_up
from jobs.rebuild import rebuild
from jobs.run import run
from jobs.session import spark
from jobs.settings import Settings
from jobs.stream.query import start
from jobs.topics import admin, create_all
from tests.integration.lake import order, send
from tests.integration.services import wait_until

pytestmark = pytest.mark.integration

BRONZE, SILVER = "bronze.orders", "silver.orders"


def in_transactions(settings: Settings) -> None:
    """Three orders that are committed, and one that is taken back."""
    name = {"transactional.id": settings.namespace}
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, **name})
    topic = settings.topic("orders")
    producer.init_transactions(30)
    producer.begin_transaction()
    for number in range(3):
        producer.produce(topic, order(f"o-{number}"), b"c-1")
    producer.commit_transaction(30)
    producer.begin_transaction()
    producer.produce(topic, order("o-aborted"), b"c-1")
    producer.flush(30)
    producer.abort_transaction(30)


def ids(settings: Settings, table: str = SILVER) -> list[str]:
    found = spark(settings).read.format("delta").load(settings.table_path(table))
    return sorted(row["order_id"] for row in found.select("order_id").collect())


def test_what_a_transaction_took_back_is_none_and_its_end_is_no_loss(
    namespace_settings: Settings,
) -> None:
    own = namespace_settings
    in_transactions(own)
    assert run(BRONZE, own).counts == {"landed": 3}
    send(own, "orders", [order("o-plain")])
    assert run(BRONZE, own).counts == {"landed": 1}
    run(SILVER, own)
    assert ids(own) == ["o-0", "o-1", "o-2", "o-plain"]
    with pytest.raises(Exception, match="nothing of bronze.orders is lost"):
        give_up(own, BRONZE)


def test_a_stream_goes_on_behind_the_ends_of_transactions(namespace_settings: Settings) -> None:
    own = namespace_settings
    query = start(spark(own), own)
    path = own.table_path(BRONZE)

    def landed() -> int:
        return spark(own).read.format("delta").load(path).count()

    try:
        for number in (4, 8):
            in_transactions(own)
            send(own, "orders", [order(f"o-plain-{number}")])
            wait_until(lambda due=number: landed() == due, f"{number} orders in bronze")
    finally:
        query.stop()
    assert query.exception() is None


def test_of_two_orders_under_one_id_the_first_in_the_log_stays_whatever_the_clocks_say(
    namespace_settings: Settings,
) -> None:
    own, topic = namespace_settings, namespace_settings.topic("orders")
    moments = (1_790_000_000_000, 1_790_000_000_000 - 3_600_000)
    for customer, moment in zip(("c-1", "c-2"), moments, strict=True):
        with closing(KafkaProducer(bootstrap_servers=own.kafka_bootstrap_servers)) as producer:
            value = order("o-1", customer_id=customer)
            producer.send(topic, value, partition=0, timestamp_ms=moment).get(timeout=30)
        run(BRONZE, own)
        run(SILVER, own)

    def kept() -> list[str]:
        found = spark(own).read.format("delta").load(own.table_path(SILVER))
        return [row["customer_id"] for row in found.collect()]

    assert kept() == ["c-1"]
    [rebuilt] = [one for one in rebuild(own, [SILVER]) if one.table == SILVER]
    assert rebuilt.is_identical
    assert kept() == ["c-1"]


def test_a_topic_that_was_made_anew_is_told_and_not_taken_for_one_without_news(
    namespace_settings: Settings,
) -> None:
    own, topic = namespace_settings, namespace_settings.topic("orders")
    send(own, "orders", [order(f"o-{n}") for n in range(5)])
    run(BRONZE, own)
    with closing(admin(own)) as client:
        client.delete_topics([topic])
    wait_until(lambda: topic not in _topics(own), "the topic to be gone")
    create_all(own)
    send(own, "orders", [order("o-new")])
    with pytest.raises(LedgerError, match="deleted and made anew"):
        run(BRONZE, own)


def _topics(settings: Settings) -> list[str]:
    with closing(admin(settings)) as client:
        return list(client.list_topics())
