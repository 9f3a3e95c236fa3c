"""The stream's process: it does what is wanted, says how it does, and outlives what kills it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.airflow.client import Airflow
from infra.demo import streaming
from infra.readable import in_mart
from jobs.alert import alerts
from jobs.namespace import namespace
from jobs.settings import ROOT, Settings
from jobs.stream import control
from jobs.stream.__main__ import RESTART_CODE
from jobs.stream.freshness import waits
from tests.integration.lake import order, send
from tests.integration.services import PATIENCE_SECONDS, wait_until
from tests.integration.streams import begin

pytestmark = [pytest.mark.integration, pytest.mark.alone]

STREAMS_AND_DIES = """
import os, signal
from infra.demo import streaming
from jobs.settings import load_settings
with streaming.running(load_settings()):
    os.kill(os.getpid(), signal.SIGKILL)
"""
EVER = datetime.min.replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def own(stack: Settings) -> Iterator[Settings]:
    with namespace(stack, "process") as settings:
        control.prepare(settings)
        yield settings


@pytest.fixture
def process(own: Settings) -> Iterator[subprocess.Popen[bytes]]:
    started = begin(own)
    yield started
    started.kill()
    started.wait()


def sell(settings: Settings, prefix: str) -> None:
    send(settings, "orders", [order(f"{prefix}-{number}") for number in range(10)])


def test_orders_reach_the_mart_while_it_is_wanted_and_after_a_kill_without_being_asked(
    own: Settings, process: subprocess.Popen[bytes]
) -> None:
    control.want(own, "running", PATIENCE_SECONDS)
    sell(own, "a")
    wait_until(lambda: in_mart(own) == 10, "the orders do not reach the mart")
    wait_until(lambda: waits(own, EVER)["mart"].count == 1, "nobody measures how long they took")
    process.kill()
    process.wait()
    sell(own, "b")
    successor = begin(own)
    try:
        wait_until(lambda: in_mart(own) == 20, "its successor does not go on")
        wait_until(lambda: waits(own, EVER)["mart"].count == 2, "its successor measures nothing")
        found = waits(own, EVER)
        assert 0 < found["bronze"].p50_seconds <= found["mart"].p50_seconds
        assert control.status(own).fault == ""
        control.want(own, "stopped", PATIENCE_SECONDS)
        sell(own, "c")
        successor.send_signal(signal.SIGTERM)
        assert successor.wait(PATIENCE_SECONDS) == 0
        assert in_mart(own) == 20
    finally:
        successor.kill()


def test_a_restart_that_is_wanted_ends_the_process(
    own: Settings, process: subprocess.Popen[bytes]
) -> None:
    control.restart(own)
    assert process.wait(PATIENCE_SECONDS) == RESTART_CODE


def test_what_hangs_is_told_and_restarted(
    own: Settings, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert control.watch_over(own).fault == ""
    monkeypatch.setattr(control, "OLDEST_BEAT_SECONDS", 2)
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: "heard of" in control.watch_over(own).fault, "nobody misses it")
    process.send_signal(signal.SIGCONT)
    assert process.wait(PATIENCE_SECONDS) == RESTART_CODE


def test_orders_that_are_not_readable_for_long_are_told_and_the_stream_left_alone(
    own: Settings, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one order that nobody read since the stream was stopped; see the first test."""
    control.want(own, "running", PATIENCE_SECONDS)
    monkeypatch.setattr(control, "LATE_SECONDS", -1)
    assert control.watch_over(own).is_late
    assert process.poll() is None
    assert any("are not readable" in one["title"] for one in alerts(own))


def test_airflow_starts_and_stops_it_and_maintenance_leaves_it_as_it_was(
    own: Settings, process: subprocess.Popen[bytes]
) -> None:
    airflow = Airflow(own)
    airflow.make_ready(["streams", "maintenance"])

    def done(dag_id: str, **params: Any) -> str:
        run_id = airflow.start(dag_id, {"namespace": own.namespace, **params})
        return airflow.await_run(dag_id, run_id)

    try:
        assert done("streams", action="start") == "success"
        assert control.status(own).state == "running"
        assert done("maintenance", tables=["silver.orders"]) == "success"
        assert control.status(own).state == "running"
        assert done("streams", action="stop") == "success"
        assert control.status(own).state == "stopped"
        assert done("maintenance", tables=["silver.orders"]) == "success"
        assert control.status(own).wanted == "stopped"
    finally:
        airflow.pause("streams")
        airflow.pause("maintenance")


def test_a_stream_whose_demo_was_killed_is_ended_by_the_next_and_no_other_is(
    own: Settings, process: subprocess.Popen[bytes]
) -> None:
    control.want(own, "running", PATIENCE_SECONDS)
    streaming.end_left(own)
    assert control.status(own).wanted == "running"
    demo = [sys.executable, "-c", STREAMS_AND_DIES]
    killed = subprocess.run(demo, cwd=ROOT, env=os.environ | own.environment())
    assert killed.returncode == -signal.SIGKILL
    assert control.status(own).state == "running"
    streaming.end_left(own)
    assert control.status(own).state == "stopped"
