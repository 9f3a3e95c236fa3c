"""Two days of the shop, sent by `make demo` through the real scheduler, once for all tests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest

from infra.bench.hogs import hogs
from infra.chaos.proxy import Proxy, Trouble
from infra.native.command import free_port
from jobs.settings import ROOT, Settings

ORDERS = "300"
EIGHT_HOURS_IN_HALF_A_MINUTE = "960"
# A machine on which each answer takes longer than anybody waits for one at first: 30 s where they
# wait for 20, both divided by ten.
ANSWER_SECONDS, SLOW = 2.0, Trouble(delay_seconds=3.0)
DEMO = ("-m", "infra.demo")
IMPATIENT = f"""
from functools import partial
from infra.demo import __main__ as demo
demo.Airflow = partial(demo.Airflow, answer_seconds={ANSWER_SECONDS})
demo.main()
"""
# In the first minute the pipeline is cold, and everything on the machine begins at once.
HOGGED_SECONDS = 60


@dataclass(frozen=True)
class TwoDays:
    """What the demo printed for a day sent at once, beside somebody who takes both processors and
    after one that was killed, and for a second day, streamed while Airflow answered late.
    """

    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def two_days(stack: Settings) -> TwoDays:
    """The instance's own lake afterwards, which no test changes, and what was printed."""
    with hogs(HOGGED_SECONDS):
        _kill_while_it_sends(stack)
        first = _demo(stack, *DEMO)
    with through(SLOW, stack) as (slow, _):
        second = _demo(slow, "-c", IMPATIENT, SPEED=EIGHT_HOURS_IN_HALF_A_MINUTE)
    return TwoDays(first, second)


def _kill_while_it_sends(settings: Settings) -> None:
    """Nothing; a demo that had begun its day is dead."""
    command, own = [sys.executable, *DEMO], _environment(settings, PYTHONUNBUFFERED="1")
    with subprocess.Popen(command, cwd=ROOT, env=own, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        assert any("The shop's day" in line for line in demo.stdout), "it ended by itself"
        demo.kill()


@contextmanager
def through(trouble: Trouble, settings: Settings) -> Iterator[tuple[Settings, Proxy]]:
    """The settings of who reaches Airflow by a proxy that makes trouble."""
    port = free_port()
    with Proxy(port, urlsplit(settings.airflow_url).port or 0, trouble) as proxy:
        yield replace(settings, airflow_url=f"http://127.0.0.1:{port}"), proxy


def _demo(settings: Settings, *program: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program],
        cwd=ROOT,
        env=_environment(settings, **more),
        capture_output=True,
        text=True,
    )


def _environment(settings: Settings, **more: str) -> dict[str, str]:
    return os.environ | settings.environment() | {"ORDERS": ORDERS} | more
