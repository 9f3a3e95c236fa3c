"""`python -m infra.clickhouse.server`: one process owns a data folder and answers."""

import asyncio
import fcntl
import os
import re
import signal
import socket
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.clickhouse.access import Doorkeeper, Role, login_of
from infra.clickhouse.config import ServerConfig, config_from
from infra.clickhouse.engine import Engine
from infra.clickhouse.errors import BAD_ARGUMENTS, QueryError, StartError, refusal
from infra.clickhouse.protocol import Call, answer_response, error_response, query_of, read_call
from jobs.errors import LakeproofError

# Each role has its own threads, so that dashboards cannot hold up a load.
_THREADS = {Role.LOADER: 6, Role.ANALYST: 4}
_KEEP_ALIVE_SECONDS = 300
_GRACE_SECONDS = 3
_KILL_AGAIN_SECONDS = 0.5
_QUERY_ID = re.compile(r"[\x21-\x7e]{1,200}")


class Gateway:
    """Answers HTTP requests with an engine that runs in threads; the event loop stays free."""

    def __init__(self, engine: Engine, doorkeeper: Doorkeeper) -> None:
        self._engine = engine
        self._doorkeeper = doorkeeper
        self._threads = {
            role: ThreadPoolExecutor(count, thread_name_prefix=role.value)
            for role, count in _THREADS.items()
        }

    def close(self) -> None:
        """End what runs and forget what waits."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
        self._engine.close()

    async def query(self, request: Request) -> Response:
        """The response to a query, or to what is wrong with it."""
        query_id = request.query_params.get("query_id") or str(uuid.uuid4())
        try:
            response = await self._respond(request, query_id)
        except QueryError as error:
            response = error_response(error, self._engine.version)
        if _QUERY_ID.fullmatch(query_id):
            response.headers["X-ClickHouse-Query-Id"] = query_id
        return response

    async def _respond(self, request: Request, query_id: str) -> Response:
        role = self._doorkeeper.role_of(login_of(request.headers, request.query_params))
        if not _QUERY_ID.fullmatch(query_id):
            raise refusal(BAD_ARGUMENTS, "query_id has to be 1 to 200 visible ASCII characters.")
        call = await read_call(request, role, uuid.uuid4().hex)
        if call.is_empty:
            return PlainTextResponse("Ok.\n")
        work = asyncio.get_running_loop().run_in_executor(self._threads[role], self._answer, call)
        gone = asyncio.ensure_future(_client_left(request))
        both: set[asyncio.Future[Any]] = {work, gone}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        # Again and again, since the query may have to wait for a thread before it can be killed.
        while not work.done():
            await asyncio.to_thread(self._engine.kill, call.id)
            await asyncio.wait({work}, timeout=_KILL_AGAIN_SECONDS)
        gone.cancel()
        return work.result()

    def _answer(self, call: Call) -> Response:
        return answer_response(call, self._engine.run(query_of(call)))


async def _client_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _ping(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


def build_app(gateway: Gateway) -> Starlette:
    """The HTTP application around a gateway."""
    return Starlette(
        routes=[
            Route("/ping", _ping),
            Route("/replicas_status", _ping),
            Route("/", gateway.query, methods=["GET", "POST"]),
        ]
    )


@contextmanager
def owned(path: Path) -> Iterator[Path]:
    """The folder, created, and this process's alone until the end of the block.

    Raises: StartError.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "owner.lock").open("w")
    except OSError as error:
        raise StartError(
            f"The folder {path} cannot be used ({error.strerror}). Mend it, or name another one "
            "in CLICKHOUSE_PATH."
        ) from error
    with lock:
        try:
            # The kernel lets go of it however the process ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(
                f"The folder {path} belongs to another ClickHouse process. Stop that one, or name "
                "another folder in CLICKHOUSE_PATH."
            ) from error
        yield path


def bound(host: str, port: int) -> socket.socket:
    """A socket on the address, not listening yet.

    Raises: StartError if the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StartError(
            f"Port {port} of {host} cannot be had ({error.strerror}). Stop what listens there, or "
            "set CLICKHOUSE_PORT."
        ) from error
    return listener


def serve(config: ServerConfig) -> None:
    """Answer until SIGTERM or SIGINT.

    Raises: StartError.
    """
    with owned(config.path) as path, bound(config.host, config.port) as listener:
        # The engine shows files of the working directory as tables of `default`.
        os.chdir(path)
        gateway = Gateway(Engine(path), Doorkeeper(config))
        server = uvicorn.Server(
            uvicorn.Config(
                build_app(gateway),
                lifespan="off",
                log_level="warning",
                access_log=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        # uvicorn raises the signal that ended it once more: by then the work is done.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        print(f"ClickHouse answers on {config.host}:{config.port}, data in {path}", flush=True)
        server.run(sockets=[listener])
        gateway.close()


def main() -> int:
    """Run the server configured by the environment; the exit code."""
    try:
        serve(config_from(os.environ))
    except LakeproofError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
