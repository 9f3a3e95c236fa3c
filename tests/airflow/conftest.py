"""Two days of the shop, sent by `make demo` through the real scheduler, once for all tests."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from jobs.settings import ROOT, Settings

ORDERS = "300"
EIGHT_HOURS_IN_HALF_A_MINUTE = "960"


@dataclass(frozen=True)
class TwoDays:
    """What the demo printed for a day sent at once, and for a second one that was streamed."""

    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def two_days(stack: Settings) -> TwoDays:
    """The instance's own lake afterwards, which no test changes, and what was printed."""
    return TwoDays(_demo(stack), _demo(stack, SPEED=EIGHT_HOURS_IN_HALF_A_MINUTE))


def _demo(settings: Settings, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.demo"],
        cwd=ROOT,
        env=os.environ | settings.environment() | {"ORDERS": ORDERS} | more,
        capture_output=True,
        text=True,
    )
