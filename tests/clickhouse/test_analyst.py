"""The analyst reads tables and nothing else: escapes are refused, their harmless neighbours run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, ProgrammingError

from infra.clickhouse.errors import QueryError
from infra.clickhouse.walls import check_tree
from tests.clickhouse.process import ANALYST, Server
from tests.clickhouse.statements import ESCAPES, READS, WRITES

REFUSALS = {"62", "164", "497"}


@pytest.fixture(scope="module", autouse=True)
def orders(server: Server) -> Iterator[Client]:
    """The loader's client of `shop`, whose two orders no test may change."""
    server.client().command("CREATE DATABASE shop")
    loader = server.client(database="shop")
    loader.command("CREATE TABLE orders (id UInt64, name String) ENGINE = MergeTree ORDER BY id")
    loader.insert("orders", [[1, "ada"], [2, "o'k"]], column_names=["id", "name"])
    yield loader
    loader.command("DROP DATABASE shop SYNC")


@pytest.fixture(scope="module")
def analyst(server: Server) -> Client:
    return server.client(ANALYST, database="shop")


def assert_refused(server: Server, sql: str) -> None:
    response = server.post(sql, ANALYST, database="shop")
    code = response.headers.get("X-ClickHouse-Exception-Code")
    assert code in REFUSALS, (code, response.text[:300])
    assert not list(Path("/tmp").glob("stolen-from-shop*"))


@pytest.mark.parametrize("sql", WRITES)
def test_write_is_refused(server: Server, orders: Client, sql: str) -> None:
    assert_refused(server, sql)
    assert orders.query("SELECT * FROM orders ORDER BY id").result_rows == [(1, "ada"), (2, "o'k")]
    assert orders.command("SHOW TABLES") == "orders"


@pytest.mark.parametrize("sql", ESCAPES)
def test_escape_is_refused(server: Server, sql: str) -> None:
    assert_refused(server, sql)


@pytest.mark.parametrize("sql", READS)
def test_reading_is_allowed(server: Server, sql: str) -> None:
    response = server.post(sql, ANALYST, database="shop")
    assert response.status_code == 200, response.text
    assert response.content == server.post(sql, database="shop").content


def test_refused_escapes_work_for_the_loader(server: Server) -> None:
    host = Path("/etc/hostname").read_text()
    scalar = server.post("SELECT file('/etc/hostname') FORMAT RawBLOB")
    table = server.post("SELECT * FROM default.`/etc/hostname` FORMAT TSVRaw")
    assert (scalar.text, table.text) == (host, host)


def test_a_typing_error_is_told_as_such(server: Server) -> None:
    response = server.post("SELECT FROM WHERE", ANALYST)
    assert (response.headers["X-ClickHouse-Exception-Code"], response.status_code) == ("62", 400)
    assert "parseQueryToJSON" not in response.text


@pytest.mark.parametrize("sql", ["SELECT file('/etc/hostname')", "DROP TABLE orders"])
def test_the_way_a_query_travels_changes_nothing(server: Server, sql: str) -> None:
    headers = {"X-ClickHouse-User": ANALYST[0], "X-ClickHouse-Key": ANALYST[1]}
    ask = {"params": {"query": sql, "database": "shop"}, "headers": headers, "timeout": 10}
    first, rest = sql.split(" ", 1)
    halves = requests.post(
        server.url, data=rest, params={"query": first, "database": "shop"}, headers=headers
    )
    form = requests.post(
        server.url, files={"query": (None, sql), "database": (None, "shop")}, headers=headers
    )
    answers = [requests.get(server.url, **ask), requests.post(server.url, **ask), halves, form]
    assert {answer.headers["X-ClickHouse-Exception-Code"] for answer in answers} <= {"164", "497"}
    assert {answer.status_code for answer in answers} == {403}


@pytest.mark.parametrize(
    "setting",
    [
        {"readonly": "0"},
        {"readonly": "2"},
        {"max_execution_time": "0"},
        {"max_memory_usage": "0"},
        {"max_result_bytes": "0"},
        {"allow_introspection_functions": "1"},
        {"allow_experimental_eval_table_function": "1"},
        {"dialect": "kusto"},
        {"max_threads": "64"},
    ],
)
def test_settings_are_refused(server: Server, setting: dict[str, str]) -> None:
    response = server.post("SELECT 1", ANALYST, **setting)
    assert response.headers["X-ClickHouse-Exception-Code"] == "164"


def test_a_settings_name_cannot_smuggle_a_statement(server: Server) -> None:
    response = server.post("SELECT 1", ANALYST, **{"a = 1, readonly": "0"})
    assert response.headers["X-ClickHouse-Exception-Code"] == "115"


def test_identifiers_are_not_taken_from_parameters(server: Server) -> None:
    sql = "SELECT count() FROM {d:Identifier}.{t:Identifier}"
    response = server.post(sql, ANALYST, param_d="system", param_t="processes")
    assert response.headers["X-ClickHouse-Exception-Code"] == "497"


def test_system_is_not_to_be_the_current_database(server: Server) -> None:
    response = server.post("SELECT count() FROM processes", ANALYST, database="system")
    assert response.headers["X-ClickHouse-Exception-Code"] == "497"


def test_the_loaders_session_is_out_of_reach(server: Server) -> None:
    server.post("CREATE TEMPORARY TABLE secret AS SELECT 1 AS x", session_id="shared")
    response = server.post("SELECT * FROM secret", ANALYST, session_id="shared")
    assert response.headers["X-ClickHouse-Exception-Code"] == "60"
    assert server.post("SELECT * FROM secret", session_id="shared").text == "1\n"


def test_a_small_body_cannot_unpack_to_a_large_one(server: Server) -> None:
    headers = {"X-ClickHouse-User": ANALYST[0], "X-ClickHouse-Key": ANALYST[1]}
    packed = requests.post(
        server.url, data=b"x", headers={**headers, "Content-Encoding": "gzip"}, timeout=10
    )
    large = server.post("SELECT 1" + " " * (1 << 20), ANALYST)
    codes = [answer.headers["X-ClickHouse-Exception-Code"] for answer in (packed, large)]
    assert codes == ["48", "36"]


def test_a_query_has_a_memory_limit(server: Server) -> None:
    response = server.post("SELECT range(400000000)", ANALYST)
    assert response.headers["X-ClickHouse-Exception-Code"] == "241"


def test_a_query_has_a_time_limit(server: Server) -> None:
    response = server.post("SELECT getSetting('max_execution_time')", ANALYST)
    assert 0 < int(response.text) <= 60


def test_no_function_that_leaves_the_database_is_missing_from_the_walls(server: Server) -> None:
    names = server.post(
        "SELECT name FROM system.functions WHERE NOT is_aggregate "
        "AND categories IN ('AI', 'Introspection', 'Machine Learning') "
        "AND name NOT IN ('mergeTreePartInfo', 'isMergeTreePartCoveredBy') FORMAT TSVRaw"
    ).text.split()
    passed = []
    for name in names:
        function = {"type": "Function", "name": name}
        try:
            check_tree({"type": "SelectWithUnionQuery", "select": function})
        except QueryError:
            continue
        passed.append(name)
    assert (passed, "aiGenerate" in names) == ([], True)


def test_the_unmodified_client_reads(analyst: Client) -> None:
    query = "SELECT * FROM orders WHERE name = {name:String}"
    assert analyst.query(query, parameters={"name": "o'k"}).result_rows == [(2, "o'k")]
    assert analyst.query_df("SELECT id FROM orders ORDER BY id")["id"].tolist() == [1, 2]


def test_the_unmodified_client_cannot_write(analyst: Client) -> None:
    with pytest.raises(DatabaseError, match="ACCESS_DENIED"):
        analyst.command("INSERT INTO orders VALUES (3, 'x')")
    with pytest.raises(DatabaseError, match="without Content-Encoding"):
        analyst.insert("orders", [[3, "x"]], column_names=["id", "name"])
    with pytest.raises(ProgrammingError, match="readonly"):
        analyst.query("SELECT 1", settings={"max_execution_time": 0})
