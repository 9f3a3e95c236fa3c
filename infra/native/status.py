"""What runs, since when and how much memory it takes."""

import time
from dataclasses import dataclass

from infra.native import install, processes, supervise
from infra.native.instance import Instance
from jobs.errors import LakeproofError

MIB = 1 << 20
OTHERS = "supervisor and others"


@dataclass(frozen=True)
class Row:
    """One line of the table. Memory is that of the service's whole process tree.

    The reason says why what the service needs could not be installed.
    """

    service: str
    state: str
    port: int | None
    uptime_seconds: int
    memory_bytes: int
    reason: str = ""


def rows(instance: Instance) -> list[Row]:
    """A row per service, and one for the supervisor and all else that belongs to the instance.

    Raises: LakeproofError if the instance is not running.
    """
    if not supervise.is_running(instance):
        raise LakeproofError(f"Instance {instance.name} is not running. Start it with `make up`.")
    found: list[Row] = []
    counted: set[int] = set()
    for service, process in zip(instance.services, supervise.processes(instance), strict=True):
        tree = processes.tree(process.pid) if process.pid else []
        counted.update(member.pid for member in tree)
        port = instance.port(service.port_key, service.number) if service.port_key else None
        uptime = int(time.time()) - process.started_at if process.pid else 0
        memory = processes.memory_bytes(tree)
        state, reason = _state(process)
        found.append(Row(service.name, state, port, uptime, memory, reason))
    rest = [process for process in processes.of(instance.state) if process.pid not in counted]
    return [*found, Row(OTHERS, "", None, 0, processes.memory_bytes(rest))]


def table(found: list[Row]) -> str:
    """The rows as text, with the total."""
    lines = [f"{'service':<22} {'state':<10} {'port':>5} {'uptime':>9} {'memory':>9}"]
    lines += [
        f"{row.service:<22} {row.state:<10} {row.port or '':>5} "
        f"{_clock(row.uptime_seconds):>9} {row.memory_bytes // MIB:>5} MiB"
        for row in found
    ]
    total = sum(row.memory_bytes for row in found) // MIB
    reasons = [f"\n{row.service}: {row.reason}" for row in found if row.reason]
    return "\n".join([*lines, f"{'total':<49} {total:>5} MiB", *reasons])


def _state(process: supervise.Process) -> tuple[str, str]:
    """The state for people, and what went wrong if the service's part could not be installed."""
    part = install.part_of(process.name)
    if part is None:
        return process.state, ""
    if process.pid:
        return "INSTALLING", ""
    return process.state, part.failure


def _clock(seconds: int) -> str:
    if not seconds:
        return ""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
