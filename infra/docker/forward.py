"""Ports of a container's loopback, opened to the network it is in, or the other way round.

Our small servers listen on loopback and nowhere else, in a container as natively. There it is the
container's own: who may come in is said by docker-compose.yml, by network and published port.
"""

import asyncio
import ctypes
import os
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1
PIECE_BYTES = 65_536


@dataclass(frozen=True)
class Link:
    """Connections to `host`:`port` go to the same port of `target`."""

    host: str
    port: int
    target: str


def in_background(links: Sequence[Link]) -> int:
    """The id of a process that forwards until this one ends, whatever program it becomes."""
    if pid := os.fork():
        return pid
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    asyncio.run(_forward(links))
    os._exit(0)


async def _forward(links: Sequence[Link]) -> None:
    servers = [await asyncio.start_server(_linked(link), link.host, link.port) for link in links]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _linked(link: Link) -> Callable[[StreamReader, StreamWriter], Awaitable[None]]:
    async def connect(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            answers, requests = await asyncio.open_connection(link.target, link.port)
        except OSError:  # not up yet, or down: the client sees a connection that was closed
            writer.close()
            return
        await asyncio.gather(_copied(reader, requests), _copied(answers, writer))

    return connect


async def _copied(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(ConnectionError):  # one side left; the other is told by the end
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    writer.close()
