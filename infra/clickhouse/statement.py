"""What must be known of a statement before the engine reads it: inline data and output format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from infra.clickhouse.errors import BAD_ARGUMENTS, NOT_IMPLEMENTED, refusal

_TOKEN = re.compile(
    # What is never closed is taken to the end at once: looked for again and again, it would take
    # the square of its length.
    rb"""(?P<blank>\s++|--[^\n]*+|\#[ !][^\n]*+|/\*.*?(?:\*/|\Z))
    |'(?:[^'\\]|\\.)*+'?|`(?:[^`\\]|\\.)*+`?|"(?:[^"\\]|\\.)*+"?
    |\w++|.""",
    re.DOTALL | re.VERBOSE,
)
_LINE_END = re.compile(rb"[ \t]*\r?\n?")
_NOT_INLINE = {b"VALUES", b"INFILE"}
_QUERIES = {b"SELECT", b"WITH"}


@dataclass(frozen=True)
class Insert:
    """An INSERT whose rows follow it in a format: the statement ends before FORMAT."""

    statement: str
    format: str
    data: memoryview


def text(sql: bytes) -> str:
    """The statement as text.

    Raises: QueryError 36 if it is not UTF-8.
    """
    try:
        return sql.decode()
    except UnicodeDecodeError as error:
        raise refusal(BAD_ARGUMENTS, f"The statement is not UTF-8: {error}.") from error


def split_insert(sql: bytes) -> Insert | None:
    """The parts of `INSERT INTO ... FORMAT x <rows>`; None for every other statement.

    Raises: QueryError 48 for rows behind `SELECT ... FROM input(...)`, which the engine would drop.
    """
    head: list[bytes] = []
    depth, last = 0, b""
    for token in _words(sql):
        word = token.group().upper()
        if not last and word != b"INSERT":
            return None
        if depth == 0 and word in _NOT_INLINE:
            return None
        if depth == 0 and word in _QUERIES:
            _refuse_input(sql[token.start() :])
            return None
        if depth == 0 and last == b"FORMAT":
            data = _LINE_END.match(sql, token.end())
            assert data is not None
            statement = text(b" ".join(head[:-1]))
            return Insert(statement, text(token.group()), memoryview(sql)[data.end() :])
        depth += {b"(": 1, b")": -1}.get(word, 0)
        head.append(token.group())
        last = word
    return None


def output_format(sql: str) -> str | None:
    """The name in a closing FORMAT clause, if the statement has one."""
    words = [token.group().decode() for token in _words(sql.encode())]
    while words and words[-1] == ";":
        words.pop()
    for at in range(len(words) - 2, 0, -1):
        if words[at].upper() == "FORMAT":
            closes = at + 2 == len(words) or words[at + 2].upper() == "SETTINGS"
            return words[at + 1] if closes and words[at + 1].isidentifier() else None
    return None


def _words(sql: bytes) -> Iterator[re.Match[bytes]]:
    return (token for token in _TOKEN.finditer(sql) if token.group("blank") is None)


def _refuse_input(query: bytes) -> None:
    last = b""
    for token in _words(query):
        if token.group() == b"(" and last == b"INPUT":
            raise refusal(
                NOT_IMPLEMENTED,
                "INSERT ... SELECT FROM input() is not supported here. "
                "Insert into a temporary table first, then INSERT ... SELECT from it.",
            )
        last = token.group().upper()
