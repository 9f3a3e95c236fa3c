"""Five uses of one Kafka: analytics, notifications, logs, services that answer, and CDC."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import pytest
import requests
from kafka import KafkaProducer
from pyspark.sql import functions as F

from answers.evidence import Evidence
from answers.labs.kafka import create_topic, member, producer, read_all, send, take
from generators.oltp import create_tables
from infra.native.command import free_port
from jobs import capture
from jobs.ingest import KAFKA_OPTIONS
from jobs.session import clickhouse, postgres, release, spark
from jobs.settings import Settings

ORDERS = 200
PARTITIONS = 2
IN_STOCK = 150  # the others are answered with a no
CUSTOMERS, RENAMED, DELETED = 40, 10, 5
CHANGES = CUSTOMERS + RENAMED + DELETED
LOGS = 2 * ORDERS  # the notification and the inventory service write a line for each order


@dataclass(frozen=True)
class Topics:
    """The topics of the shop's services, by their full names."""

    orders: str
    mails: str
    replies: str
    logs: str


Reaction = Callable[[Topics, dict[str, Any], KafkaProducer], None]


@dataclass(frozen=True)
class Shop:
    """All orders handled, and the milliseconds in which a service had 95 of 100."""

    topics: Topics
    orders: list[dict[str, Any]]
    p95_ms: dict[str, float]


def serve(settings: Settings, topics: Topics, service: str, react: Reaction) -> list[float]:
    """The delay of each order until the service had reacted to it, and logged that it did."""
    delays_ms: list[float] = []
    consumer = member(settings, topics.orders, service, fetch_max_wait_ms=20)
    with closing(consumer), closing(producer(settings)) as out:
        while len(delays_ms) < ORDERS:
            [record] = take(consumer, 1)
            order = json.loads(record.value)
            react(topics, order, out)
            out.send(topics.logs, json.dumps([service, order["order_id"], "info"]).encode())
            delays_ms.append(time.time() * 1000 - record.timestamp)
        consumer.commit()
    return delays_ms


def notify(topics: Topics, order: dict[str, Any], out: KafkaProducer) -> None:
    """A mail for the order."""
    order_id = order["order_id"]
    out.send(topics.mails, f"thanks for {order_id}".encode(), order_id.encode())


def reserve(topics: Topics, order: dict[str, Any], out: KafkaProducer) -> None:
    """An answer to the order, to the topic of replies: whether its product is there."""
    answer = {"order_id": order["order_id"], "reserved": order["product"] < IN_STOCK}
    out.send(topics.replies, json.dumps(answer).encode(), order["order_id"].encode())


@contextmanager
def analytics(settings: Settings, topics: Topics) -> Iterator[Any]:
    """A stream of orders into a table of the lake."""
    placed = (
        spark(settings)
        .readStream.format("kafka")
        .options(**KAFKA_OPTIONS, subscribe=topics.orders, startingOffsets="earliest")
        .option("kafka.bootstrap.servers", settings.kafka_bootstrap_servers)
        .load()
    )
    order = F.from_json(F.col("value").cast("string"), "order_id string, total_cents bigint")
    query = (
        placed.select(order.alias("order"), F.col("timestamp").alias("placed_at"))
        .select("order.*", "placed_at", F.current_timestamp().alias("handled_at"))
        .writeStream.format("delta")
        .option("checkpointLocation", settings.table_path("lab.checkpoint"))
        .trigger(processingTime="200 milliseconds")
        .start(settings.table_path("lab.orders"))
    )
    try:
        yield query
    finally:
        query.stop()


@pytest.fixture(scope="module")
def shop(settings: Settings) -> Iterator[Shop]:
    """All services at work while the shop publishes its orders, once."""
    names = ("orders_placed", "mails", "stock_replies", "service_logs")
    topics = Topics(*(create_topic(settings, name, PARTITIONS) for name in names))
    orders: list[dict[str, Any]] = [
        {"order_id": f"o-{n}", "product": n, "total_cents": 100 + n} for n in range(ORDERS)
    ]
    services: dict[str, Reaction] = {"notification": notify, "inventory": reserve}
    with ThreadPoolExecutor() as threads, analytics(settings, topics) as query:
        work = {
            name: threads.submit(serve, settings, topics, name, react)
            for name, react in services.items()
        }
        messages = [(order["order_id"].encode(), json.dumps(order).encode()) for order in orders]
        send(settings, topics.orders, messages)
        p95_ms = {name: quantiles(done.result(), n=20)[-1] for name, done in work.items()}
        query.processAllAvailable()
    yield Shop(topics, orders, p95_ms)
    release(settings)


def table(settings: Settings) -> Any:
    return spark(settings).read.format("delta").load(settings.table_path("lab.orders"))


def test_a_real_time_pipeline_has_every_order_in_a_table_while_they_come(
    evidence: Evidence, settings: Settings, shop: Shop
) -> None:
    rows = table(settings).collect()
    delays_ms = [(row["handled_at"] - row["placed_at"]).total_seconds() * 1000 for row in rows]
    evidence("orders in the table", len(rows), ORDERS, "orders")
    placed = {order["order_id"]: order["total_cents"] for order in shop.orders}
    assert {row["order_id"]: row["total_cents"] for row in rows} == placed
    evidence(
        "picked up by the stream, of a hundred ninety-five within",
        quantiles(delays_ms, n=20)[-1],
        unit="ms",
    )


def test_a_notification_goes_out_for_every_order_event(
    evidence: Evidence, settings: Settings, shop: Shop
) -> None:
    mails = [record.value.decode() for record in read_all(settings, shop.topics.mails)]
    evidence("mails", len(mails), ORDERS, "mails")
    assert sorted(mails) == sorted(f"thanks for {order['order_id']}" for order in shop.orders)
    evidence("mails within", shop.p95_ms["notification"], unit="ms")


def test_a_service_answers_another_through_topics_each_answer_to_its_request(
    evidence: Evidence, settings: Settings, shop: Shop
) -> None:
    answers = [json.loads(record.value) for record in read_all(settings, shop.topics.replies)]
    evidence("answers", len(answers), ORDERS, "answers")
    evidence("of them a yes", sum(each["reserved"] for each in answers), IN_STOCK, "answers")
    in_stock = {order["order_id"]: order["product"] < IN_STOCK for order in shop.orders}
    assert {each["order_id"]: each["reserved"] for each in answers} == in_stock
    evidence("answers within", shop.p95_ms["inventory"], unit="ms")


def test_the_log_lines_of_all_services_stream_into_clickhouse(
    evidence: Evidence, settings: Settings, shop: Shop
) -> None:
    database, client = settings.database("lab"), clickhouse(settings)
    client.command(f"CREATE DATABASE {database}")
    try:
        made = "(service String, order_id String, level String) ENGINE = MergeTree ORDER BY ()"
        client.command(f"CREATE TABLE {database}.logs {made}")
        with closing(member(settings, shop.topics.logs, "shipper")) as shipper:
            client.insert(f"{database}.logs", [json.loads(r.value) for r in take(shipper, LOGS)])
            shipper.commit()  # after the insert, so that a crash repeats and loses nothing
        asked = f"SELECT service, count(), uniqExact(order_id) FROM {database}.logs GROUP BY 1"
        found = sorted(tuple(row) for row in client.query(asked).result_rows)
    finally:
        client.command(f"DROP DATABASE {database}")
    evidence("log lines in ClickHouse", sum(row[1] for row in found), LOGS, "lines")
    assert found == [(name, ORDERS, ORDERS) for name in ("inventory", "notification")]


def change_customers(settings: Settings) -> None:
    """Nothing; customers came, some were renamed, some left."""
    with closing(postgres(settings)) as database, database, database.cursor() as cursor:
        path = f"SET search_path TO {settings.schema('shop')}"
        cursor.execute(f"{path}; SET LOCAL shop.clock = '2026-01-07'")
        row = "'c-' || n, 'a@x.example', 'Ada ' || n, NULL, 'vip', now(), now()"
        many = f"generate_series(1, {CUSTOMERS}) n"
        cursor.execute(f"INSERT INTO customers SELECT {row} FROM {many}")
        first = "WHERE substr(customer_id, 3)::int <="
        cursor.execute(f"UPDATE customers SET full_name = 'Eve' {first} {RENAMED}")
        cursor.execute(f"DELETE FROM customers {first} {DELETED}")


def test_an_etl_on_the_changes_of_a_database_holds_what_the_database_holds(
    evidence: Evidence, settings: Settings
) -> None:
    create_tables(settings)
    capture.start(settings)
    capture.wait_until_caught_up(settings)
    change_customers(settings)
    held: dict[str, str] = {}
    with closing(member(settings, settings.topic("customer_changes"), "etl")) as etl:
        changes = [json.loads(record.value) for record in take(etl, CHANGES)]
    for change in changes:
        held[change["customer_id"]] = change["full_name"]
        if change["operation"] == "d":
            del held[change["customer_id"]]
    with closing(postgres(settings)) as database, database.cursor() as cursor:
        cursor.execute(f"SELECT customer_id, full_name FROM {settings.schema('shop')}.customers")
        there = dict(cursor.fetchall())
    evidence("changes captured", len(changes), CHANGES, "changes")
    evidence("customers held by the ETL", len(held), CUSTOMERS - DELETED, "customers")
    assert held == there


def test_one_order_sets_off_independent_reactions(
    evidence: Evidence, settings: Settings, shop: Shop
) -> None:
    reactions = {
        "a row": table(settings).where("order_id = 'o-7'").count(),
        "a mail": sum(b"o-7" == r.key for r in read_all(settings, shop.topics.mails)),
        "an answer": sum(b"o-7" == r.key for r in read_all(settings, shop.topics.replies)),
        "log lines": sum(b'"o-7"' in r.value for r in read_all(settings, shop.topics.logs)),
    }
    evidence.table("what one order sets off", ("reaction", "times"), [*reactions.items()])
    assert reactions == {"a row": 1, "a mail": 1, "an answer": 1, "log lines": 2}
    evidence("kinds of reaction to one order", len(reactions), 4, "reactions")


@pytest.mark.control
def test_a_direct_call_to_a_service_that_is_down_is_lost_where_a_topic_waits(
    evidence: Evidence, settings: Settings, shop: Shop
) -> None:
    url, failed = f"http://127.0.0.1:{free_port()}/mail", 0
    for order in shop.orders:  # nobody listens there: the service is down
        with pytest.raises(requests.ConnectionError):
            requests.post(url, json=order, timeout=1)
        failed += 1
    evidence("direct calls that failed", failed, ORDERS, "calls")
    with closing(member(settings, shop.topics.orders, "came back later")) as service:
        waiting = take(service, ORDERS)
    evidence("orders that waited in the topic", len(waiting), ORDERS, "orders")
    assert sorted(r.value for r in waiting) == sorted(json.dumps(o).encode() for o in shop.orders)
