"""One chDB handle: its own settings, current database and temporary tables."""

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

from infra.clickhouse import walls
from infra.clickhouse.access import Role
from infra.clickhouse.errors import (
    BAD_ARGUMENTS,
    NOT_IMPLEMENTED,
    READONLY,
    SYNTAX_ERROR,
    UNKNOWN_SETTING,
    QueryError,
    engine_error,
    refusal,
)
from infra.clickhouse.statement import Insert, output_format, split_insert, text

# The engine takes its time zone from the environment while it is loaded.
os.environ["TZ"] = "UTC"
# chDB's public Connection hides `classify_query`, and its extension module has no type stubs.
CHDB: Any = import_module("chdb._chdb")
_SILENT = "Null"
_PLAIN = "TSVRaw"
_INSERT_CHUNK_BYTES = 4 << 20
_ANALYST_LIMITS = {
    "max_execution_time": 60,
    "max_memory_usage": 1 << 30,
    "max_result_bytes": 64 << 20,
    "max_result_rows": 1_000_000,
    "allow_introspection_functions": 0,
    # Last: from here on the engine lets nobody change a setting of this handle.
    "readonly": 1,
}


@dataclass(frozen=True)
class Query:
    """A statement and all that was asked along with it."""

    role: Role
    sql: bytes
    id: str = ""
    database: str | None = None
    session: str | None = None
    output: str = "TabSeparated"
    reads_only: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """A result, the name of its format (None: no result set) and ClickHouse's summary of it."""

    body: bytes
    format: str | None
    summary: dict[str, str]


class Handle:
    """Runs one query at a time; `lock` belongs to the caller."""

    def __init__(self, source: str, role: Role) -> None:
        self.lock = threading.Lock()
        self.used_at = time.monotonic()
        self._role = role
        self._connection = CHDB.connect(source)
        # chDB keeps a query's id to itself. This setting does nothing here, and tells in
        # system.processes which query runs on which handle.
        self.tag = uuid.uuid4().hex
        self._set("query_cache_tag", self.tag)
        self._settings: dict[str, str] = {}
        self._database: str | None = None
        if role is Role.ANALYST:
            for name, value in _ANALYST_LIMITS.items():
                self._set(name, str(value))

    def close(self) -> None:
        """Give the handle's temporary tables and memory back."""
        self._connection.close()

    def run(self, query: Query) -> Answer:
        """The answer to a query.

        Raises: QueryError with the engine's code.
        """
        try:
            with self._cleared():
                self._adjust(query)
                insert = split_insert(query.sql)
                return self._query(query) if insert is None else self._insert(insert, query)
        finally:
            self.used_at = time.monotonic()

    def require_harmless(self, query: Query) -> None:
        """Nothing, if an analyst may run the query; what does not parse is harmless too.

        Raises: QueryError.
        """
        if split_insert(query.sql):
            raise walls.refused("INSERT")
        sql = text(query.sql)
        with self._cleared():
            walls.check_database(query.database)
            walls.check_settings(query.settings, self._current)
            walls.check_format(query.output)
            facts = self._facts(sql)
            if not facts["statement_count"]:
                return
            if facts["query_class"] != CHDB.query_class.READ_ONLY:
                raise walls.refused("a statement that is no plain query")
            walls.check_format(output_format(sql))
            if not walls.is_look_up(sql):
                walls.check_tree(self._tree(sql))

    @contextmanager
    def _cleared(self) -> Iterator[None]:
        """A block whose failure is told with the engine's code and leaves nothing in the handle."""
        try:
            yield
        except RuntimeError as error:
            # A failed query leaves its partial output in the handle, and chDB would put it in
            # front of the next answer.
            self._connection.query("SELECT 1", _SILENT)
            self._connection.query("SELECT 1", _PLAIN)
            raise engine_error(str(error)) from error

    def _current(self, setting: str) -> str | None:
        """What a setting is on this handle; None if there is none of the name."""
        named = f"FROM system.settings WHERE name = {_literal(setting)}"
        found = self.value(f"SELECT concat('=', value) {named}")
        return found.removeprefix("=") if found else None

    def _facts(self, sql: str) -> Any:
        """What kind of statement it is, and that it is one.

        Raises: QueryError 62 if they are several.
        """
        facts = self._connection.classify_query(sql)
        if facts["statement_count"] > 1:
            raise refusal(SYNTAX_ERROR, "Multi-statements are not allowed. Send one at a time.")
        return facts

    def value(self, sql: str) -> str:
        """The text of a single value."""
        return cast(str, self._connection.query(sql, _PLAIN).bytes().decode().strip())

    def _adjust(self, query: Query) -> None:
        """Bring settings and current database to what this query asks for."""
        if query.database and query.database != self._database:
            self._connection.query(f"USE {_identifier(query.database)}", _SILENT)
            self._database = query.database
        for name in [name for name in self._settings if name not in query.settings]:
            self._connection.query(f"SET {name} = DEFAULT", _SILENT)
            del self._settings[name]
        for name, value in query.settings.items():
            if self._settings.get(name) != value:
                self._set(name, value)
                self._settings[name] = value

    def _set(self, name: str, value: str) -> None:
        if not name.isidentifier() or not name.isascii():
            raise refusal(UNKNOWN_SETTING, f"Unknown setting {name!r}: it is no identifier.")
        self._connection.query(f"SET {name} = {_literal(value)}", _SILENT)

    def _query(self, query: Query) -> Answer:
        sql = text(query.sql)
        facts = self._facts(sql)
        reads = facts["query_class"] == CHDB.query_class.READ_ONLY
        # What does not parse passes for a query: its syntax error says more than a refusal.
        if query.reads_only and not reads and facts["statement_count"]:
            raise refusal(READONLY, "A GET request only reads. Send what writes by POST.")
        if facts["query_class"] == CHDB.query_class.CONTROL:
            self._database = None  # it may be USE
        result = self._connection.query(sql, query.output, params=query.parameters)
        body = result.bytes() or b""
        return Answer(
            body=body,
            format=(output_format(sql) or query.output) if reads or body else None,
            summary=_summary(result, body),
        )

    def _tree(self, sql: str) -> walls.Node:
        """The engine's own parse tree of a statement."""
        try:
            tree = self._connection.query(f"SELECT parseQueryToJSON({_literal(sql)})", _PLAIN)
        except RuntimeError as error:
            message, _, _ = str(error).partition(": In scope SELECT parseQueryToJSON(")
            failed = engine_error(message)
            if failed.code == BAD_ARGUMENTS:
                raise walls.refused("a statement of this kind") from error
            raise QueryError(failed.code, f"{failed} (SYNTAX_ERROR)") from error
        return cast(walls.Node, json.loads(tree.bytes()))

    def _insert(self, insert: Insert, query: Query) -> Answer:
        if query.reads_only:
            raise refusal(READONLY, "A GET request only reads. Send what writes by POST.")
        if query.parameters:
            raise refusal(
                NOT_IMPLEMENTED,
                "Parameters do not reach INSERT ... FORMAT. Use VALUES, or write the name out.",
            )
        stream = self._connection.send_insert(insert.statement, insert.format)
        try:
            for start in range(0, len(insert.data), _INSERT_CHUNK_BYTES):
                chunk = insert.data[start : start + _INSERT_CHUNK_BYTES]
                self._connection.insert_append(stream, bytes(chunk))
        except RuntimeError:
            self._connection.insert_cancel(stream)
            raise
        result = self._connection.insert_done(stream)
        return Answer(body=b"", format=None, summary=_summary(result, b""))


def _summary(result: Any, body: bytes) -> dict[str, str]:
    counts = {
        "read_rows": result.storage_rows_read(),
        "read_bytes": result.storage_bytes_read(),
        "written_rows": result.rows_written(),
        "written_bytes": result.bytes_written(),
        "total_rows_to_read": result.storage_rows_read(),
        "result_rows": result.rows_read(),
        "result_bytes": len(body),
        "elapsed_ns": int(result.elapsed() * 1e9),
    }
    return {name: str(count) for name, count in counts.items()}


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _identifier(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
