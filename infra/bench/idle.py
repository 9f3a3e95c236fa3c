"""What the platform takes while nothing is asked of it."""

import time
from collections import defaultdict
from typing import Any

import psutil

from infra.bench.memory import memory_gib
from infra.native import processes, supervise
from infra.native.instance import load
from infra.native.status import OTHERS
from jobs.settings import Settings

CALM_SECONDS = 60.0  # what the start, or the part before, still had to do is done by then
WATCHED_SECONDS = 60.0


def measure(settings: Settings) -> dict[str, Any]:
    """Percent of one core that all processes take together, by service, and their memory."""
    time.sleep(CALM_SECONDS)
    before = _seconds(settings)
    time.sleep(WATCHED_SECONDS)
    after = _seconds(settings)
    taken = {name: after[name] - before.get(name, 0.0) for name in after}
    percent = {name: round(100 * s / WATCHED_SECONDS, 1) for name, s in taken.items()}
    return {
        "percent_of_a_core": round(100 * sum(taken.values()) / WATCHED_SECONDS, 1),
        "rest_memory_gib": memory_gib(settings.instance),
        "by_service": dict(sorted(percent.items(), key=lambda each: -each[1])),
    }


def _seconds(settings: Settings) -> dict[str, float]:
    """Seconds of processor that each service and all its descendants have had so far.

    And those who keep the services.
    """
    instance, taken = load(settings.instance), defaultdict[str, float](float)
    running = [one for one in supervise.processes(instance) if one.pid]
    service_of = {each.pid: one.name for one in running for each in processes.tree(one.pid)}
    for process in processes.of(instance.state):
        taken[service_of.get(process.pid, OTHERS)] += _of_process(process)
    return taken


def _of_process(process: psutil.Process) -> float:
    """Its own, and those of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
