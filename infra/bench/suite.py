"""How long all tests take, and which files take longest."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from infra.native.down import down
from jobs.settings import ROOT, Settings

LONGEST = 20


def measure(settings: Settings, folder: Path) -> dict[str, Any]:
    """Minutes of `make test`, and seconds of its longest files.

    The instance of the benchmark is stopped meanwhile. Raises: CalledProcessError if a test fails.
    """
    durations = folder / "durations.json"
    down(settings.instance)
    started = time.monotonic()
    variables = os.environ | {"TEST_DURATIONS": str(durations)}
    subprocess.run(["make", "test"], cwd=ROOT, check=True, env=variables)
    minutes = (time.monotonic() - started) / 60
    seconds: dict[str, float] = json.loads(durations.read_text())
    longest = sorted(seconds, key=lambda file: -seconds[file])[:LONGEST]
    return {
        "minutes": round(minutes, 1),
        "longest": {file: round(seconds[file], 1) for file in longest},
    }
