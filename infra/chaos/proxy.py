"""A proxy between the platform and a service: it delays, resets, and cuts answers.

Source: Toxiproxy's toxics, and the fault proxy of Delta's own log-store tests, which lets a request
through and drops its answer, so that the writer cannot know.
"""

import asyncio
import re
import threading
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass
from random import Random
from typing import Self

HOST = "127.0.0.1"
PIECE_BYTES = 65_536
START_SECONDS = 10
# So long, and what was accepted before the end has become a link.
ACCEPTED_SECONDS = 0.05
CONTINUE = b"HTTP/1.1 100"


@dataclass(frozen=True)
class Trouble:
    """What happens to what the service answers.

    Of requests that `cut` matches, the first answer to each is never seen: it was done, and nobody
    knows.
    """

    delay_seconds: float = 0.0
    reset_share: float = 0.0
    cut: re.Pattern[bytes] | None = None


class Proxy:
    """Takes connections on `port` for the service on `upstream_port` while its block runs."""

    def __init__(self, port: int, upstream_port: int, trouble: Trouble) -> None:
        self.cut_count = self.reset_count = 0
        self._ports, self._trouble, self._random = (port, upstream_port), trouble, Random(0)
        self._cut: set[bytes] = set()
        self._open: set[StreamWriter] = set()
        self._links: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.start_server(self._link, HOST, self._ports[0])
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(START_SECONDS)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        await asyncio.sleep(ACCEPTED_SECONDS)
        # Each link awaits its two ways, which it cancels: awaited here, they would cancel this too.
        while self._links:  # one connects to the service while others end
            for writer in self._open:
                writer.transport.abort()
            await asyncio.wait(self._links, timeout=ACCEPTED_SECONDS)

    async def _link(self, client: StreamReader, to_client: StreamWriter) -> None:
        """One connection, until either side or the trouble ends it."""
        link = asyncio.current_task()
        assert link is not None  # the server made one of this coroutine
        self._links.add(link)
        link.add_done_callback(self._links.discard)
        try:
            service, to_service = await asyncio.open_connection(HOST, self._ports[1])
        except OSError:
            to_client.transport.abort()
            return
        ends, is_doomed = {to_client, to_service}, asyncio.Event()
        self._open |= ends
        ways = [
            asyncio.create_task(self._ask(client, to_service, is_doomed)),
            asyncio.create_task(self._answer(service, to_client, is_doomed)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)  # a side that broke off is no error
        for end in ends:
            end.close()
        self._open -= ends

    async def _ask(
        self, client: StreamReader, to_service: StreamWriter, is_doomed: asyncio.Event
    ) -> None:
        pattern = self._trouble.cut
        while piece := await client.read(PIECE_BYTES):
            found = pattern.match(piece) if pattern else None
            if found and found[0] not in self._cut:
                self._cut.add(found[0])
                is_doomed.set()
            to_service.write(piece)
            await to_service.drain()

    async def _answer(
        self, service: StreamReader, to_client: StreamWriter, is_doomed: asyncio.Event
    ) -> None:
        while piece := await service.read(PIECE_BYTES):
            await asyncio.sleep(self._trouble.delay_seconds)
            is_cut = is_doomed.is_set() and not piece.startswith(CONTINUE)
            if is_cut or self._random.random() < self._trouble.reset_share:
                self.cut_count += is_cut
                self.reset_count += not is_cut
                to_client.transport.abort()
                return
            to_client.write(piece)
            await to_client.drain()
