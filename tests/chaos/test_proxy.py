"""Does the proxy let through what it should, and does what it cuts reach the server anyway?"""

import gc
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.chaos.proxy import Proxy, Trouble
from infra.chaos.store import COMMIT_UNANSWERED
from infra.native.command import free_port
from jobs.patience import await_true

COMMIT = "/lake/bronze/orders/_delta_log/00000000000000000007.json"
BODY = b"x" * 100_000


class Server(ThreadingHTTPServer):
    """Keeps what is put and gives it back."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stored: list[tuple[str, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.stored.append((self.path, body))
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(dict(self.server.stored)[self.path])

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        threading.Thread(target=found.serve_forever).start()
        yield found
        found.shutdown()


def connection(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=10)


def put(port: int, path: str) -> int:
    asked = connection(port)
    asked.request("PUT", path, BODY)
    return asked.getresponse().status


def test_without_trouble_what_is_put_comes_back(server: Server) -> None:
    port = free_port()
    with Proxy(port, server.server_port, Trouble()) as proxy:
        both = connection(port)
        both.request("PUT", "/a", BODY)
        both.getresponse().read()
        both.request("GET", "/a")
        assert both.getresponse().read() == BODY
    assert (proxy.cut_count, proxy.reset_count) == (0, 0)


def test_a_commit_is_made_and_its_first_answer_never_comes(server: Server) -> None:
    port = free_port()
    with Proxy(port, server.server_port, COMMIT_UNANSWERED) as proxy:
        assert put(port, COMMIT.replace("/_delta_log", "")) == 200
        with pytest.raises(OSError):
            put(port, COMMIT)
        assert server.stored[-1] == (COMMIT, BODY)
        assert put(port, COMMIT) == 200
    assert (proxy.cut_count, proxy.reset_count) == (1, 0)


def test_resets_are_as_many_as_wanted(server: Server) -> None:
    port = free_port()
    with Proxy(port, server.server_port, Trouble(reset_share=1.0)) as proxy, pytest.raises(OSError):
        put(port, "/a")
    assert proxy.reset_count == 1


def test_where_nothing_serves_nothing_is_answered() -> None:
    port = free_port()
    with Proxy(port, free_port(), Trouble()), pytest.raises(OSError):
        put(port, "/a")


def test_it_ends_while_an_answer_is_held_back(server: Server) -> None:
    port = free_port()
    with Proxy(port, server.server_port, Trouble(delay_seconds=60)):
        asked = connection(port)
        asked.request("PUT", "/a", BODY)
        await_true(lambda: server.stored, 10, lambda _: AssertionError("nothing came through"))
    with pytest.raises(OSError):
        asked.getresponse()


def test_what_connects_while_it_ends_is_ended_too(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    with Proxy(port, server.server_port, Trouble()) as proxy:
        proxy._loop.call_soon_threadsafe(time.sleep, 0.3)
        late = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        time.sleep(0.3)  # now they are accepted, and the end comes before they are passed on
    for one in late:
        one.close()
    gc.collect()  # a task that nobody ended is told of when it is collected
    assert not caplog.messages
