"""A machine on which somebody else is at work."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

HOG = "import time; end = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
AN_HOUR = 3600


@contextmanager
def hogs(seconds: int = AN_HOUR) -> Iterator[None]:
    """So long, but not beyond the block, others use every processor."""
    command = [sys.executable, "-c", HOG.format(seconds=seconds)]
    running = [subprocess.Popen(command) for _ in range(psutil.cpu_count() or 1)]
    try:
        yield
    finally:
        for hog in running:
            hog.kill()
            hog.wait()
