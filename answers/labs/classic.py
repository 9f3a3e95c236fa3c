"""Scripts with a Spark driver of their own: Spark Connect reaches neither RDDs nor executors."""

import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import psutil
import requests

from infra.native.signs import Work
from infra.spark.native import CONNECT_VARIABLES, spark_home
from jobs.errors import LakeproofError, StandsStill
from jobs.patience import Awaited, Progress, look_until
from jobs.settings import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 30
ERROR_LINES = 20
LOGGING = ROOT / "infra" / "spark" / "log4j2.properties"
NOTHING: Mapping[str, str] = {}
DEFAULTS = {
    "spark.ui.port": "0",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.driver.memory": "1g",
    # Java's usual collector breaks a small heap into pieces in which no page of a sort finds room.
    "spark.driver.extraJavaOptions": f"-XX:+UseParallelGC -Dlog4j2.configurationFile={LOGGING}",
}


def run_script(script: Path, *arguments: str) -> Mapping[str, Any]:
    """What the script found: the JSON object of the last line it prints; the others are shown.

    It runs in a folder of its own, which is gone afterwards with every process it started.
    Raises: LakeproofError with the end of its error output if it fails or stands still.
    """
    last = ""
    with TemporaryDirectory(prefix="classic-") as folder:
        errors = Path(folder) / "errors.txt"
        command = [sys.executable, str(script), *arguments]
        with (
            errors.open("w") as told,
            Popen(
                command,
                env=_environment(folder),
                cwd=folder,
                stdout=PIPE,
                stderr=told,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            assert process.stdout
            over = Event()
            Thread(target=_end_if_still, args=(process.pid, over), daemon=True).start()
            try:
                for line in process.stdout:
                    if last:
                        print(last, flush=True)
                    last = line.rstrip()
                code = process.wait()
            finally:
                over.set()
                end_session(process.pid)
        if code:
            print(last, flush=True)
            end = "\n".join(errors.read_text().splitlines()[-ERROR_LINES:])
            raise LakeproofError(f"{script} ended with {code}:\n{end}")
    found: Mapping[str, Any] = json.loads(last)
    return found


def session(master: str, settings: Mapping[str, str] = NOTHING) -> "SparkSession":
    """A classic session, for a script that `run_script` runs."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master)
    for name, value in {**DEFAULTS, **settings}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def monitored(session: "SparkSession", what: str) -> list[dict[str, Any]]:
    """What Spark's own monitoring says of the session's "stages", "executors" and so on."""
    context = session.sparkContext
    # Private and without a public twin: it tells when all that has happened is on the page.
    context._jsc.sc().listenerBus().waitUntilEmpty()
    url = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/{what}"
    answer = requests.get(url, timeout=ANSWER_SECONDS)
    answer.raise_for_status()
    rows: list[dict[str, Any]] = answer.json()
    return rows


def jvm(session: "SparkSession") -> Any:
    """The session's Java side, for what Spark has no Python for."""
    return session.sparkContext._jvm


def end_session(leader: int) -> None:
    """Nothing; every process is gone that the process started or that it is."""
    ended = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(process.pid) == leader:
                process.kill()
                ended.append(process)
    psutil.wait_procs(ended, timeout=ANSWER_SECONDS)


def _end_if_still(leader: int, over: Event) -> None:
    progress = Progress(Awaited(lambda: "the script", Work("it", leader)))
    try:
        look_until(over.is_set, progress, (LOOK_SECONDS, LOOK_SECONDS))
    except StandsStill:
        # Not `end_session`: it would also take the process' end, which `run_script` waits for.
        os.killpg(leader, signal.SIGKILL)


def _environment(folder: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in CONNECT_VARIABLES}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_HOME": str(spark_home()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": folder,
    }
