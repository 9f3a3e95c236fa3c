"""Scripts that need a Spark driver of their own: RDDs do not exist in Spark Connect."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.errors import LakeproofError
from jobs.settings import ROOT

PATIENCE_SECONDS = 300
ERROR_LINES = 20
CONNECT_VARIABLES = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED")


def run_script(script: Path, *arguments: str, **variables: str) -> Mapping[str, Any]:
    """What the script found: the JSON object of the last line it prints; the others are shown.

    Raises: LakeproofError with the end of its error output if it fails.
    """
    kept = {key: value for key, value in os.environ.items() if key not in CONNECT_VARIABLES}
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env=kept | {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable} | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    if done.returncode:
        end = "\n".join(done.stderr.splitlines()[-ERROR_LINES:])
        raise LakeproofError(f"{script} failed with {done.returncode}:\n{end}")
    *told, found = done.stdout.splitlines()
    print("\n".join(told))
    result: Mapping[str, Any] = json.loads(found)
    return result
