"""Attempts on the analyst's walls, by the hundred: each function, setting, format and detour."""

from importlib import import_module
from typing import Any

import pytest
import requests

from infra.clickhouse import functions, walls
from tests.clickhouse.process import ANALYST, LOADER, Server

REFUSALS = {"36", "48", "62", "115", "164", "306", "497"}
FORMS = (
    "SELECT {name}('/etc/hostname')",
    "SELECT {name}IF('/etc/hostname', 1)",
    "SELECT arrayMap({name}, ['/etc/hostname'])",
    "SELECT arrayFold({name}, [1], 1)",
    'SELECT arrayMap("{name}", [1])',
    "SELECT arrayMap(`{name}`, [1])",
    "WITH {name} AS f SELECT arrayMap(f, [1])",
    "SELECT * APPLY({name}) FROM (SELECT '/etc/hostname')",
    "SELECT * APPLY(x -> {name}(x)) FROM (SELECT '/etc/hostname')",
    "SELECT * REPLACE({name}(dummy) AS dummy) FROM system.one",
    "SELECT 1 WHERE {name}('/etc/hostname') != ''",
    "SELECT (SELECT {name}('/etc/hostname'))",
    "SELECT 1 ORDER BY {name}('/etc/hostname')",
    "SELECT 1 LIMIT {name}('/etc/hostname')",
    "EXPLAIN SYNTAX SELECT {name}('/etc/hostname')",
)
NAMES = ("file", "FILE", "sleep", "getMacro", "formatRow", "editDistance", "aiGenerate")
SMUGGLED = """* APPLY(x -> if(startsWith(toString(x), '{"type"'), '{"type":"ShowTablesQuery"}',
toString(x)))"""
SETTINGS = {
    "select": [SMUGGLED, "1"],
    "filter": ["1", "0"],
    "limit": ["1", "100000000"],
    "offset": ["1"],
    "additional_result_filter": ["1"],
    "additional_table_filters": ["{'shop.orders': '1'}"],
    "implicit_select": ["0"],
    "readonly": ["0", "2"],
    "max_result_bytes": ["0"],
    "max_result_rows": ["0"],
    "format_schema": ["/etc/hostname"],
    "format_template_row": ["/etc/hostname"],
    "format_template_resultset": ["/etc/hostname"],
    "format_schema_source": ["query"],
    "output_format_schema": ["/tmp/stolen-from-shop"],
    "no_such_setting": ["1"],
}
FORMATS = (
    *("Template", "CapnProto", "Protobuf", "ProtobufList", "ProtobufSingle", "CustomSeparated"),
    *("MySQLWire", "PostgreSQLWire", "ODBCDriver2", "Prometheus", "AvroConfluent", "Regexp", "PNG"),
)


def code_of(response: requests.Response) -> str | None:
    return response.headers.get("X-ClickHouse-Exception-Code")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_no_form_of_a_refused_function_passes(server: Server, form: str, name: str) -> None:
    assert code_of(server.post(form.format(name=name), ANALYST)) in REFUSALS


@pytest.mark.parametrize("name", sorted(functions.REFUSED))
def test_no_refused_function_is_called_or_named(server: Server, name: str) -> None:
    for sql in (f"SELECT {name}('a', 'b')", f"SELECT arrayMap({name}, ['a'])"):
        response = server.post(sql, ANALYST)
        assert code_of(response) == "497", response.text[:200]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in SETTINGS.items() for value in values]
)
def test_no_setting_is_changed(server: Server, name: str, value: str) -> None:
    sql = "SELECT file('/etc/hostname')"
    assert code_of(server.post(sql, ANALYST, **{name: value})) in {"115", "164"}
    assert code_of(server.post("SELECT 1", ANALYST, **{name: value})) in {"115", "164"}


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_does_more_than_print(server: Server, name: str) -> None:
    assert code_of(server.post(f"SELECT 1 FORMAT {name}", ANALYST)) == "497"
    assert code_of(server.post("SELECT 1", ANALYST, default_format=name)) == "497"
    header = {"X-ClickHouse-Format": name, "X-ClickHouse-User": ANALYST[0]}
    header["X-ClickHouse-Key"] = ANALYST[1]
    assert code_of(requests.post(server.url, "SELECT 1", headers=header, timeout=30)) == "497"


def test_every_function_of_the_engine_is_allowed_or_refused() -> None:
    """A new engine brings new ones: put each into functions.txt or among the refused."""
    chdb: Any = import_module("chdb._chdb")
    connection = chdb.connect(":memory:")
    names = connection.query("SELECT lower(name) FROM system.functions", "TSVRaw").bytes()
    connection.close()
    known = functions.ALLOWED | functions.REFUSED
    assert sorted(set(names.decode().split()) ^ known) == []
    assert functions.ALLOWED & functions.REFUSED == frozenset()


def test_every_plain_format_of_the_engine_is_allowed() -> None:
    plain = """
        TabSeparated TSVWithNamesAndTypes CSVWithNames JSON JSONEachRow JSONCompact Native Null
        JSONCompactEachRowWithNamesAndTypes JSONStringsEachRow RowBinary Parquet Arrow ArrowStream
        RowBinaryWithNamesAndTypes PrettyCompact Vertical PrettyNoEscapesMonoBlock
        JSONColumnsWithMetadata JSONEachRowWithProgress
    """.split()
    for name in plain:
        walls.check_format(name)


BOMBS = {
    "comments that never end": "SELECT 1 " + "/*" * 60_000,
    "quotes that never end": "SELECT 1 '" + "\\'" * 60_000,
    "blanks before nothing": "DESC x" + " " * 100_000 + "!",
    "blanks in front": " " * 100_000 + "DESC !",
    "brackets": "SELECT " + "(" * 50_000,
    "a long name": f"SELECT 1 AS {'a' * 1_000} FROM numbers(1000000)",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_statement_made_to_take_long_is_refused_at_once(server: Server, name: str) -> None:
    """What takes the square of its length takes minutes; the client waits ten seconds."""
    assert code_of(server.post(BOMBS[name], ANALYST)) in REFUSALS
    assert server.post("SELECT 1", ANALYST).text == "1\n"


def test_a_form_is_no_way_around_the_limit_of_a_body(server: Server) -> None:
    headers = {"X-ClickHouse-User": ANALYST[0], "X-ClickHouse-Key": ANALYST[1]}
    fields = {f"param_{n}": (None, "x" * 500_000) for n in range(4)}
    form = {"query": (None, "SELECT 1"), **fields}
    answer = requests.post(server.url, files=form, headers=headers, timeout=30)
    assert code_of(answer) == "36"


def test_an_analyst_drives_out_no_session_of_the_loader(server: Server) -> None:
    keep = {"session_id": "of-the-loader"}
    server.post("CREATE TEMPORARY TABLE kept (n Int8) ENGINE = Memory", LOADER, **keep)
    for number in range(300):
        assert server.post("SELECT 1", ANALYST, session_id=f"flood-{number}").status_code == 200
    assert server.post("SELECT count() FROM kept", LOADER, **keep).text == "0\n"
