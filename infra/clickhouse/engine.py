"""The engine of one data folder, shared by all requests: sessions, cancelling, closing."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.clickhouse.access import Role
from infra.clickhouse.errors import SESSION_IS_LOCKED, StartError, refusal
from infra.clickhouse.handle import CHDB, Answer, Handle, Query

CONFIG = Path(__file__).with_name("engine.xml")
MAX_SESSIONS = 256
IDLE_SECONDS = 3600.0


class Engine:
    """Runs queries of any number of threads.

    A session keeps its settings and temporary tables between requests and runs one query at a
    time. A request without a session gets a fresh handle, so that it can leave nothing behind.
    """

    def __init__(self, path: Path) -> None:
        """Open the folder, creating it if need be.

        Raises: StartError if the engine cannot.
        """
        self._source = f"{path}?config-file={CONFIG}"
        self._sessions: OrderedDict[tuple[Role, str], Handle] = OrderedDict()
        self._guard = threading.Lock()
        self._running: dict[str, str] = {}
        self._turn = threading.Lock()
        # The server ends on its own terms at SIGTERM: the engine is to keep its hands off.
        CHDB.set_signal_handlers_enabled(0)
        try:
            self._own = Handle(self._source, Role.LOADER)
            # No request has a statement or a setting on it.
            self._judge = Handle(self._source, Role.ANALYST)
        except RuntimeError as error:
            raise StartError(
                f"The engine cannot open {path}: {error}. Stop what uses the folder, or name "
                "another one in CLICKHOUSE_PATH."
            ) from error
        self.version = self._own.value("SELECT version()")

    def run(self, query: Query) -> Answer:
        """The answer to a query.

        Raises: QueryError.
        """
        if query.role is Role.ANALYST:
            with self._judge.lock:
                self._judge.require_harmless(query)
        with self._handle(query) as handle:
            with self._turn:
                self._running[query.id] = handle.tag
            try:
                return handle.run(query)
            finally:
                with self._turn:
                    del self._running[query.id]

    def kill(self, query_id: str) -> None:
        """End a query if it runs and only reads."""
        # No query begins or ends meanwhile: the handle cannot have gone on to another one.
        with self._turn:
            tag = self._running.get(query_id)
            if tag:
                self._kill(f"query_kind = 'Select' AND Settings['query_cache_tag'] = '{tag}'")

    def close(self) -> None:
        """End every query and give the folder back."""
        self._kill("query_id != queryID()")
        with self._guard:
            for handle in self._sessions.values():
                with handle.lock:
                    handle.close()
            self._sessions.clear()
        self._judge.close()
        self._own.close()

    def _kill(self, condition: str) -> None:
        with self._own.lock:
            self._own.value(f"KILL QUERY WHERE {condition} ASYNC")

    @contextmanager
    def _handle(self, query: Query) -> Iterator[Handle]:
        if query.session is None:
            handle = Handle(self._source, query.role)
            try:
                yield handle
            finally:
                handle.close()
            return
        handle = self._take(query.role, query.session)
        try:
            yield handle
        finally:
            handle.lock.release()

    def _take(self, role: Role, session: str) -> Handle:
        """The locked handle of a session. Sessions of two roles never meet."""
        with self._guard:
            handle = self._sessions.pop((role, session), None) or Handle(self._source, role)
            self._sessions[role, session] = handle
            taken = handle.lock.acquire(blocking=False)
            self._evict(role)
        if not taken:
            raise refusal(
                SESSION_IS_LOCKED,
                f"Session {session} is locked by a concurrent client. One query at a time, please.",
            )
        return handle

    def _evict(self, role: Role) -> None:
        """Close the role's sessions nobody came back to, least recently used first."""
        forgotten = time.monotonic() - IDLE_SECONDS
        own = {key: handle for key, handle in self._sessions.items() if key[0] is role}
        surplus = len(own) - MAX_SESSIONS
        for key, handle in own.items():
            if surplus <= 0 and handle.used_at > forgotten:
                return
            surplus -= 1
            if handle.lock.acquire(blocking=False):
                del self._sessions[key]
                handle.close()
