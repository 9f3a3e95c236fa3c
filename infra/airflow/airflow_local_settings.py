"""Loaded by every Airflow process at its start, from `$AIRFLOW_HOME/config`."""

import ctypes
import os
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path

PR_SET_PDEATHSIG = 1
PRELOADED = (
    "clickhouse_connect",
    "deltalake",
    "great_expectations",
    "kafka",
    "minio",
    "psycopg2",
    "pyspark.sql.connect.session",
)


def _preload() -> None:
    """Import what tasks need before the scheduler forks its workers.

    A forked task shares the pages and starts in 0.2 s instead of 5 s. Importing opens no
    channel, which is what a fork would break. The project's own code is not among it: a task
    runs the code as it is now.
    """
    for name in PRELOADED:
        import_module(name)


def _die_with_parent() -> None:
    """Have the kernel kill forked children with their parent.

    A killed scheduler otherwise leaves its workers and their tasks behind. The kernel watches
    the forking thread, not its process, so children of short-lived threads are left alone.
    """
    libc = ctypes.CDLL(None)
    by_main_thread = False

    def note_thread() -> None:
        nonlocal by_main_thread
        by_main_thread = threading.get_native_id() == os.getpid()

    def follow_parent() -> None:
        if by_main_thread:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    os.register_at_fork(before=note_thread, after_in_child=follow_parent)


if "scheduler" in (Path(sys.argv[0]).stem, *sys.argv[1:2]):  # ours, or Airflow's own
    _preload()
if sys.platform == "linux":
    _die_with_parent()
