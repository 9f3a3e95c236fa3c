"""Signs that services of an instance are at work, for those who wait for what they make."""

import math
import re
import time
from collections.abc import Iterator

import psutil

from infra.native import processes, supervise
from infra.native.instance import Instance
from infra.native.logs import last_lines

# More of a processor than any service takes at rest, less than half of what two hogs leave it.
BUSY_SHARE = 0.25
BUSY_SECONDS = 10.0  # over so long: a moment's work is done at rest too
NUMBERS = re.compile(r"\S*\d\S*")
LAST_LINES = 10


# Who has a part in an order's way from its topic to the mart.
STREAMING = ("kafka", "minio", "clickhouse", "stream", "spark")


class Signs:
    """What is seen of some services: their starts, what they say, and that they work hard.

    Of services that are no processes of ours, but containers, nothing is seen. With `by_work` false
    only starts and words count: of a service that fails and tries again forever, these end.
    """

    def __init__(self, instance: Instance, *names: str, by_work: bool = True) -> None:
        self._instance, self._names, self._by_work = instance, names, by_work
        self._work: dict[int, Work] = {}

    def __call__(self) -> Iterator[str]:
        """The signs of now."""
        if not supervise.is_running(self._instance):
            return
        for process in supervise.processes(self._instance):
            if process.name in self._names:
                yield f"{process.name} is {process.state}, process {process.pid}"
                yield self._said(process.name)
                if self._by_work and process.pid:
                    yield from self._work.setdefault(process.pid, Work(process.name, process.pid))()

    def is_kept(self, name: str) -> bool:
        """Whether the supervisor runs the service, or will start it again."""
        if not supervise.is_running(self._instance):
            return False
        found = {each.name: each.state for each in supervise.processes(self._instance)}
        return found.get(name) not in ("FATAL", "STOPPED", None)

    def last_words(self) -> str:
        """The end of each service's log; nothing if there are no logs of ours."""
        logs = [supervise.log_file(self._instance, name) for name in self._names]
        return "\n\n".join(
            "\n".join(
                [f"the end of {log}:", *(f"  {line}" for line in last_lines(log, LAST_LINES))]
            )
            for log in logs
            if log.exists()
        )

    def _said(self, name: str) -> str:
        """The last line of its log without its numbers, so that what is said again is no news."""
        [line] = last_lines(supervise.log_file(self._instance, name), 1) or [""]
        return f"{name} said: {NUMBERS.sub('#', line)[:200]}"


class Work:
    """Signs that a process and its descendants take much of a processor."""

    def __init__(self, name: str, pid: int) -> None:
        self._name, self._pid = name, pid
        self._at, self._before = -math.inf, math.inf

    def __call__(self) -> Iterator[str]:
        """A new sign if they did for a while."""
        now = time.monotonic()
        if now - self._at < BUSY_SECONDS:
            return  # reading them all takes as long as a request to Airflow
        seconds = processor_seconds(self._pid)
        if seconds - self._before >= BUSY_SHARE * (now - self._at):
            yield f"{self._name} works, {seconds:.0f} s of processor time"
        self._at, self._before = now, seconds


def processor_seconds(pid: int) -> float:
    """What a process and its descendants took of the processors, those that ended included."""
    total = 0.0
    for member in processes.tree(pid):
        try:
            total += sum(member.cpu_times()[:4])  # user, system, and both of ended children
        except psutil.NoSuchProcess:
            continue
    return total
