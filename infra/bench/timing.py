"""How long something takes."""

import time
from collections.abc import Callable
from typing import Any


def timed(work: Callable[[], Any]) -> float:
    """The seconds it took."""
    started = time.monotonic()
    work()
    return time.monotonic() - started
