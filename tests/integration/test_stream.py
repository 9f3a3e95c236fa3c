"""Kafka into bronze by the stream: each record once, whatever is killed or lost in between."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from infra.native.command import java
from infra.native.instance import load
from jobs.commits import last_record, latest_version
from jobs.errors import LakeproofError
from jobs.namespace import namespace
from jobs.objects import delete_objects, keys
from jobs.run import run
from jobs.session import spark
from jobs.settings import Settings
from jobs.stream import checkpoint
from jobs.stream.follow import follow
from jobs.stream.freshness import in_bronze, in_mart, newest_order
from jobs.stream.query import start
from jobs.topics import end_offsets
from jobs.verify import verify
from tests.conftest import TEST_INSTANCE
from tests.integration.lake import order, publish_day, quarantined, send
from tests.integration.services import PATIENCE_SECONDS, pid_of, spark_page, wait_until

pytestmark = pytest.mark.integration

MARTS = ["gold.revenue_per_minute", "gold.funnel_per_hour"]
NUMBERS = count()


@pytest.fixture(scope="module")
def own(stack: Settings) -> Iterator[Settings]:
    """A namespace whose tables go on from test to test."""
    with namespace(stack, "stream") as settings:
        yield settings


def orders(how_many: int) -> list[bytes | None]:
    return [order(f"o-{number}") for number in islice(NUMBERS, how_many)]


@contextmanager
def streaming(settings: Settings) -> Iterator[Any]:
    query = start(spark(settings), settings)
    try:
        yield query
    finally:
        query.stop()


def landed(settings: Settings) -> dict[str, int]:
    record = last_record(settings, settings.table_path("bronze.orders"))
    return {p: n for p, n in record.inputs.items() if n} if record else {}


def in_kafka(settings: Settings) -> dict[str, int]:
    return {p: n for p, n in end_offsets(settings, settings.topic("orders")).items() if n}


def everything_landed(settings: Settings) -> None:
    wait_until(lambda: landed(settings) == in_kafka(settings), f"{landed(settings)} is all")


def assert_each_once(settings: Settings) -> None:
    path = settings.table_path("bronze.orders")
    rows = spark(settings).read.format("delta").load(path)
    found = rows.agg(
        F.count("*").alias("rows"), F.count_distinct("partition", "offset").alias("places")
    ).collect()[0]
    assert found["rows"] == found["places"] == sum(in_kafka(settings).values())


def test_the_marts_behind_the_stream_are_what_another_engine_computes(own: Settings) -> None:
    publish_day(own, orders=100)
    with streaming(own):
        everything_landed(own)
        wait_until(lambda: not list(follow(own)), "the marts do not come to rest")
    assert_each_once(own)
    verdicts = list(verify(own, MARTS))
    assert [verdict.differences for verdict in verdicts] == [[], []]
    assert all(verdict.rows_count for verdict in verdicts)


def test_an_order_is_said_to_be_readable_where_it_is_and_not_before(stack: Settings) -> None:
    with namespace(stack, "fresh") as own:
        assert newest_order(own) is None
        run("bronze.clicks", own)
        for number in range(2):
            send(own, "orders", [order(f"f-{number}")])
            probe = newest_order(own)
            assert probe and sum(in_kafka(own).values()) == number + 1
            assert not in_bronze(own, probe)
            run("bronze.orders", own)
            assert in_bronze(own, probe)
            assert not in_mart(own, probe)
            list(follow(own))
            assert in_mart(own, probe)


def test_batches_are_landed_by_a_process_that_answers_before_it_imports(own: Settings) -> None:
    with streaming(own):
        commands = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
        assert [sys.executable, "-m", "infra.spark.worker"] in commands


def test_batch_runs_before_and_between_leave_each_record_once(own: Settings) -> None:
    send(own, "orders", orders(20))
    run("bronze.orders", own)
    with streaming(own):
        send(own, "orders", orders(20))
        everything_landed(own)
    send(own, "orders", orders(20))
    run("bronze.orders", own)
    with streaming(own):
        send(own, "orders", orders(20))
        everything_landed(own)
    assert_each_once(own)


def checkpoints(settings: Settings) -> set[str]:
    """The folders of the checkpoints there are."""
    prefix = settings.object_key(f"{checkpoint.FOLDER}/")
    return {key.removeprefix(prefix).split("/")[0] for key in keys(settings, prefix)}


def test_each_start_begins_where_the_table_ends_with_a_checkpoint_of_its_own(own: Settings) -> None:
    seen = []
    for _ in range(2):
        with streaming(own):
            send(own, "orders", orders(20))
            everything_landed(own)
            seen.append(checkpoints(own))
    assert [len(folders) for folders in seen] == [1, 1]
    assert seen[0] != seen[1]
    assert_each_once(own)


def test_a_query_left_running_is_ended_by_the_next_start(own: Settings) -> None:
    killed = SparkSession.builder.remote(own.spark_remote).create()  # its process never released it
    left = start(killed, own)
    with streaming(own):
        assert not left.isActive
        send(own, "orders", orders(20))
        everything_landed(own)
    killed.stop()
    assert_each_once(own)


def test_a_table_taken_away_is_refused_under_the_stream_and_landed_anew_after_a_start(
    own: Settings,
) -> None:
    send(own, "orders", orders(20))
    with streaming(own) as query:
        query.processAllAvailable()
        delete_objects(own, own.object_key("bronze/orders/"))
        send(own, "orders", orders(20))
        with pytest.raises(PySparkException, match="deleted under the stream"):
            query.awaitTermination(PATIENCE_SECONDS)
    assert landed(own) == {}
    with streaming(own):
        everything_landed(own)
    assert_each_once(own)


def test_poison_does_not_stop_the_stream(own: Settings) -> None:
    good = orders(100)
    poison = [None, b"", b"\xff\xfe", b'{"order_id":', b"[]", b"1", b"\x00" * 1000] + [b"{"] * 3
    send(own, "orders", good[:45] + poison + good[45:90])
    with streaming(own) as query:
        everything_landed(own)
        send(own, "orders", good[90:])
        everything_landed(own)
        assert query.isActive
    run("silver.orders", own)
    refused = Counter(raw for raw, _ in quarantined(own, "silver.orders"))
    assert not Counter(poison) - refused
    silver = spark(own).read.format("delta").load(own.table_path("silver.orders"))
    accepted = {row["order_id"] for row in silver.select("order_id").collect()}
    assert {json.loads(value or b"")["order_id"] for value in good} <= accepted


def test_no_mart_goes_on_once_the_query_has_ended(own: Settings) -> None:
    def ended() -> None:
        raise LakeproofError("the query has ended")

    send(own, "orders", orders(1))
    run("bronze.orders", own)
    with pytest.raises(LakeproofError, match="the query has ended"):
        list(follow(own, ended))
    assert [done.record.table for done in follow(own)][0] == "silver.orders"


def kept_frames() -> set[int]:
    """The frames that the server keeps for anybody, once it has collected its garbage."""
    jcmd = str(Path(java()).resolve().with_name("jcmd"))
    subprocess.run([jcmd, str(pid_of("spark")), "GC.run"], check=True, capture_output=True)
    kept = spark_page("storage/rdd", load(TEST_INSTANCE))
    return {rdd["id"] for rdd in kept if not rdd["name"].startswith("Delta Table State")}


@contextmanager
def orders_coming(settings: Settings) -> Iterator[None]:
    is_over = Event()

    def come() -> None:
        while not is_over.wait(0.1):
            send(settings, "orders", orders(5))

    thread = Thread(target=come)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def bronze_version(settings: Settings) -> int:
    return latest_version(settings, settings.table_path("bronze.orders")) or 0


def runs_while_it_moves_on(settings: Settings) -> bool:
    """Whether bronze had grown when a run of silver ended that took something."""
    version = bronze_version(settings)
    return bool(run("silver.orders", settings).counts) and bronze_version(settings) > version


@pytest.mark.alone
def test_a_run_drops_what_it_kept_though_its_input_moves_on_meanwhile(own: Settings) -> None:
    before = kept_frames()
    with streaming(own), orders_coming(own):
        for _ in range(3):
            wait_until(lambda: runs_while_it_moves_on(own), "bronze stands still")
    # One may be left: of the batch in which the stream was stopped.
    wait_until(lambda: len(kept_frames() - before) <= 1, "frames are kept for nobody")
