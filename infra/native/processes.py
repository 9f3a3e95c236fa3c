"""The operating system's processes that belong to an instance.

They are known by the state folder in their environment, so that stopping needs no env file.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from infra.native.instance import MARKER


def of(state: Path) -> list[psutil.Process]:
    """Every process marked with the state folder, this one and its ancestors aside."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [p for p in psutil.process_iter() if p.pid not in ours and _belongs(p, state)]


def tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants; nothing if it is gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def memory_bytes(processes: Iterable[psutil.Process]) -> int:
    """Memory the processes take together; pages several of them share count once on Linux."""
    return sum(_memory(process) for process in processes)


def end(processes: list[psutil.Process], patience_seconds: float) -> list[psutil.Process]:
    """Ask processes to end, then kill those that do not. Returns the killed ones."""
    _send(processes, "terminate")
    _, left = psutil.wait_procs(processes, timeout=patience_seconds)
    _send(left, "kill")
    psutil.wait_procs(left, timeout=patience_seconds)
    return list(left)


def _send(processes: list[psutil.Process], signal: str) -> None:
    for process in processes:
        try:
            getattr(process, signal)()
        except psutil.NoSuchProcess:
            continue


def _belongs(process: psutil.Process, state: Path) -> bool:
    try:
        return bool(process.environ().get(MARKER) == str(state))
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False  # gone meanwhile, or another user's


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
