"""The proof that runs at the moment: its output as it comes, and its end."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

from jobs.errors import LakeproofError
from jobs.settings import ROOT

# An interrupted proof cleans its namespace up; after this it is killed.
CLEAN_UP_SECONDS = 30
CHUNK_BYTES = 1 << 16


class ProofRuns(LakeproofError):
    """One proof at a time: two would measure each other."""


@dataclass
class Running:
    """A proof that was started. `exit_code` is None as long as it runs."""

    slug: str
    lines: list[str] = field(default_factory=list)
    exit_code: int | None = None
    is_stopped: bool = False
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def verdict(self) -> str:
        """`running`, `proven`, `broken` or `stopped`."""
        if self.exit_code is None:
            return "running"
        if self.is_stopped:
            return "stopped"
        return "broken" if self.exit_code else "proven"

    async def output(self) -> AsyncIterator[str]:
        """Each line, from the first to the last, as soon as it is there."""
        told = 0
        while True:
            async with self.news:
                while len(self.lines) == told and self.exit_code is None:
                    await self.news.wait()
                fresh, is_over = self.lines[told:], self.exit_code is not None
            for line in fresh:
                yield line
            told += len(fresh)
            if is_over:
                return


class Proofs:
    """Starts and stops proofs, one at a time, each in a process of its own."""

    def __init__(self) -> None:
        self.current: Running | None = None
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self, slug: str) -> Running:
        """The proof, running.

        Raises: ProofRuns if there is one already.
        """
        if self.current and self.current.exit_code is None:
            raise ProofRuns(f"The proof of {self.current.slug} runs. Stop it, or wait for its end.")
        self.current = Running(slug)  # before anything is awaited: another start must see it
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "answers",
            cwd=ROOT,
            env=os.environ | {"A": slug, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(self.current, self._process))
        return self.current

    async def stop(self) -> None:
        """Nothing; no proof runs, and the one that did has cleaned up."""
        if not (self.current and self._process and self._reader):
            return
        self.current.is_stopped = self.current.exit_code is None
        self._signal(signal.SIGINT)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._reader), CLEAN_UP_SECONDS)
        self._signal(signal.SIGKILL)
        await self._reader

    async def _read(self, running: Running, process: Process) -> None:
        assert process.stdout
        rest = b""
        while chunk := await process.stdout.read(CHUNK_BYTES):  # its lines may be of any length
            *lines, rest = (rest + chunk).split(b"\n")
            await self._tell(running, lines)
        await self._tell(running, [rest] if rest else [])
        exit_code = await process.wait()
        async with running.news:
            running.exit_code = exit_code
            running.news.notify_all()

    async def _tell(self, running: Running, lines: list[bytes]) -> None:
        async with running.news:
            running.lines += [line.decode(errors="replace") for line in lines]
            running.news.notify_all()

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
