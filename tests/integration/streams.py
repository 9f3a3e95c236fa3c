"""A stream's process for a namespace, which the supervisor knows nothing of."""

import os
import subprocess
import sys
import time

from jobs.settings import ROOT, Settings
from jobs.stream import control
from tests.integration.services import wait_until


def begin(settings: Settings) -> subprocess.Popen[bytes]:
    """A new process, once it is heard of itself."""
    arguments, began = [sys.executable, "-m", "jobs.stream"], time.monotonic()
    started = subprocess.Popen(arguments, cwd=ROOT, env=os.environ | settings.environment())
    wait_until(
        lambda: control.status(settings).beat_seconds < time.monotonic() - began,
        "it is not heard of",
    )
    return started
