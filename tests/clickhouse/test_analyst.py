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

REFUSALS = {"62", "164", "497"}
FILE = "file('/etc/hostname', 'LineAsString', 'line String')"

WRITES = [
    "INSERT INTO orders VALUES (3, 'x')",
    "INSERT INTO orders (id) FORMAT CSV\n3",
    "INSERT INTO orders SELECT 3, 'x'",
    "WITH s AS (SELECT 3 AS id, 'x' AS name) INSERT INTO orders SELECT * FROM s",
    "INSERT INTO FUNCTION file('/tmp/stolen-from-shop.csv') SELECT * FROM orders",
    "INSERT INTO orders FROM INFILE '/etc/hostname' FORMAT CSV",
    "/* SELECT */ INSERT INTO orders VALUES (3, 'x')",
    "CREATE TABLE stolen (id Int8) ENGINE = Memory",
    "CREATE TABLE stolen ENGINE = Memory AS SELECT * FROM orders",
    "CREATE TEMPORARY TABLE stolen (line String) ENGINE = File(LineAsString, '/etc/hostname')",
    "CREATE TABLE stolen (line String) ENGINE = URL('http://127.0.0.1:1/', LineAsString)",
    "CREATE DATABASE stolen ENGINE = Filesystem('/etc')",
    "CREATE VIEW stolen AS SELECT 1",
    "CREATE MATERIALIZED VIEW stolen ENGINE = Memory AS SELECT 1",
    "CREATE DICTIONARY stolen (a Int8) PRIMARY KEY a SOURCE(FILE(PATH '/x')) LAYOUT(FLAT())",
    "CREATE FUNCTION steal AS (x) -> file(x)",
    "CREATE NAMED COLLECTION stolen AS a = 1",
    "CREATE USER thief",
    "ALTER TABLE orders DELETE WHERE 1",
    "ALTER TABLE orders ADD COLUMN x Int8",
    "ALTER TABLE orders DETACH PARTITION tuple()",
    "DELETE FROM orders WHERE 1",
    "UPDATE orders SET name = 'x' WHERE 1",
    "TRUNCATE TABLE orders",
    "DROP TABLE orders",
    "DROP DATABASE shop",
    "DETACH TABLE orders",
    "ATTACH TABLE stolen FROM '/tmp' (id Int8) ENGINE = MergeTree ORDER BY id",
    "RENAME TABLE orders TO stolen",
    "EXCHANGE TABLES orders AND orders",
    "OPTIMIZE TABLE orders FINAL",
    "CHECK TABLE orders",
    "SYSTEM SHUTDOWN",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE 1",
    "KILL MUTATION WHERE 1",
    "BACKUP TABLE orders TO File('/tmp/stolen-from-shop')",
    "RESTORE TABLE orders FROM File('/tmp/stolen-from-shop')",
    "GRANT ALL ON *.* TO analyst",
    "SET readonly = 0",
    "SET max_execution_time = 0",
    "SET ROLE ALL",
    "USE system",
    "EXECUTE AS loader",
    "BEGIN TRANSACTION",
]
TABLE_FUNCTIONS = [
    FILE,
    FILE.upper().replace("/ETC/HOSTNAME", "/etc/hostname").replace("LINEASSTRING", "LineAsString"),
    FILE.replace("file(", "file /* ( */ ("),
    FILE.replace("file(", "file -- (\n("),
    FILE.replace("file(", "`file`("),
    FILE.replace("file(", '"file"('),
    FILE.replace("file(", "`fi\\x6ce`("),
    FILE.replace("'/etc/hostname'", "$$/etc/hostname$$"),
    "url('http://127.0.0.1:1/', 'CSV', 'a Int8')",
    "urlCluster('default', 'http://127.0.0.1:1/', 'CSV', 'a Int8')",
    "s3('http://127.0.0.1:1/bucket/key', 'CSV', 'a Int8')",
    "s3Cluster('default', 'http://127.0.0.1:1/bucket/key', 'CSV', 'a Int8')",
    "deltaLake('http://127.0.0.1:1/bucket/key', 'a', 'b')",
    "deltaLakeLocal('/tmp')",
    "iceberg('http://127.0.0.1:1/bucket/key')",
    "icebergLocal('/tmp')",
    "hdfs('hdfs://127.0.0.1:1/', 'CSV', 'a Int8')",
    "azureBlobStorage('a', 'b', 'c')",
    "remote('127.0.0.1', 'system', 'one')",
    "remoteSecure('127.0.0.1', 'system', 'one')",
    "cluster('default', 'system', 'one')",
    "clusterAllReplicas('default', 'system', 'one')",
    "mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
    "postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
    "mongodb('127.0.0.1:1', 'd', 't', 'u', 'p', 'a Int8')",
    "redis('127.0.0.1:1', 'a', 'a Int8')",
    "sqlite('/tmp/a.db', 't')",
    "odbc('DSN=a', 'b', 'c')",
    "jdbc('a', 'b', 'c')",
    "executable('id', 'CSV', 'a String')",
    "Python('os')",
    "python(os)",
    "dictionary('d')",
    "input('a Int8')",
    "eval('SELECT 1')",
    "filesystem('/etc')",
    "format(Values, 'a String', '(file(\\'/etc/hostname\\'))')",
    "merge('system', 'processes')",
    "mergeTreeIndex('shop', 'orders')",
    "loop(orders)",
    "fuzzQuery('SELECT 1')",
    "viewExplain('EXPLAIN', '', (SELECT 1))",
]
AROUND_A_TABLE_FUNCTION = [
    f"SELECT * FROM orders WHERE name IN (SELECT line FROM {FILE})",
    f"SELECT (SELECT any(line) FROM {FILE})",
    f"WITH s AS (SELECT * FROM {FILE}) SELECT * FROM s",
    f"SELECT 1 UNION ALL SELECT length(line) FROM {FILE}",
    f"SELECT 1 EXCEPT SELECT length(line) FROM {FILE}",
    f"SELECT * FROM orders, {FILE} AS f",
    f"SELECT * FROM orders LEFT JOIN {FILE} AS f ON name = line",
    f"SELECT * FROM view(SELECT * FROM {FILE})",
    f"SELECT 1 LIMIT (SELECT count() FROM {FILE})",
    f"FROM {FILE} SELECT *",
    f"(SELECT * FROM {FILE})",
    f"EXPLAIN SELECT * FROM {FILE}",
    f"EXPLAIN ESTIMATE SELECT * FROM {FILE}",
    f"EXPLAIN (SELECT * FROM {FILE})",
    f"DESCRIBE TABLE {FILE}",
    f"DESCRIBE (SELECT * FROM {FILE})",
    "DESC url('http://127.0.0.1:1/', 'CSV')",
    f"SHOW CREATE TABLE {FILE}",
    "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:1', 'd', 't', 'u', 'p') PARTITION BY id",
]
SCALARS = [
    "SELECT file('/etc/hostname')",
    "SELECT FILE('/etc/hostname')",
    "SELECT file/**/('/etc/hostname')",
    "SELECT `file`('/etc/hostname')",
    "SELECT (SELECT file('/etc/hostname'))",
    "SELECT arrayMap(x -> file(x), ['/etc/hostname'])",
    "SELECT * APPLY(file) FROM values('a String', '/etc/hostname')",
    "SELECT * APPLY(x -> file(x)) FROM values('a String', '/etc/hostname')",
    "SELECT * REPLACE (file('/etc/hostname') AS name) FROM orders",
    "SELECT * FROM values('a String', file('/etc/hostname'))",
    "SELECT 1 ORDER BY file('/etc/hostname')",
    "SELECT 1 WHERE file('/etc/hostname') != ''",
    "SELECT 1 LIMIT length(file('/etc/hostname'))",
    "SELECT $$'$$, file('/etc/hostname'), $$'$$",
    "SELECT '\\'', file('/etc/hostname'), '\\''",
    "SELECT /* /* */ ' */ file('/etc/hostname') -- '",
    "SELECT aiGenerate('a')",
    "SELECT AIGENERATE('a')",
    "SELECT sleep(3)",
    "SELECT sleepEachRow(1) FROM numbers(3)",
    "SELECT showCertificate()",
]
OUT_OF_THE_DATABASE = [
    "SELECT * FROM orders INTO OUTFILE '/tmp/stolen-from-shop.csv'",
    "SELECT * FROM orders INTO /**/ OUTFILE '/tmp/stolen-from-shop.csv' TRUNCATE FORMAT CSV",
    "SELECT * FROM default.`/etc/hostname`",
    'SELECT * FROM default."/etc/hostname"',
    "DESCRIBE TABLE default.`/etc/hostname`",
    "EXISTS TABLE default.`/etc/hostname`",
    "SELECT * FROM system.processes",
    "SELECT * FROM `system`.processes",
    'SELECT * FROM "syst\\x65m".processes',
    "SELECT 1 IN system.processes",
    "SELECT * FROM system.users",
    "SHOW PROCESSLIST",
    "SHOW GRANTS",
    "SHOW USERS",
    "EXPLAIN AST DROP TABLE orders",
    "SELECT 1; DROP TABLE orders",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT 1 SETTINGS max_memory_usage = 0",
    "SELECT * FROM (SELECT 1 SETTINGS allow_introspection_functions = 1)",
    "SELECT 1 UNION ALL SELECT 2 SETTINGS max_execution_time = 0",
    "SELECT * FROM view(SELECT 1 SETTINGS readonly = 0)",
]
READS = [
    "SELECT * FROM orders",
    "SELECT * FROM shop.orders AS o JOIN `orders` AS p USING (id) -- file('x')",
    "SELECT 'file(''/etc/hostname'')', \"name\" FROM orders /* INSERT INTO x */",
    "WITH s AS (SELECT max(id) AS m FROM orders) SELECT * FROM orders WHERE id = (SELECT m FROM s)",
    "SELECT count(DISTINCT name), quantile(0.5)(id), sumIf(id, id > 1) FROM orders HAVING 1",
    "SELECT id, row_number() OVER (PARTITION BY name ORDER BY id) AS n FROM orders ORDER BY id",
    "SELECT CASE WHEN id > 1 THEN 'a' ELSE 'b' END, CAST(id AS String), id::Int8 FROM orders",
    "SELECT * EXCEPT (name), COLUMNS('na') APPLY(upper) FROM orders ORDER BY id LIMIT 1 BY id",
    "SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 2",
    "SELECT sum(number) FROM numbers(10) WHERE number IN (1, 2)",
    "SELECT * FROM values('a Int8, b String', (1, 'x'), (2, 'y'))",
    "SELECT * FROM view(SELECT id FROM orders)",
    "SELECT count() FROM (SELECT * FROM generateRandom('a Int8') LIMIT 3)",
    "SELECT arrayMap(x -> x + 1, [1, 2]), format('{}', 1), DATE '2026-01-01' - INTERVAL 1 DAY",
    "SELECT a FROM orders ARRAY JOIN [1, 2] AS a",
    "SELECT n, 7 AS x FROM (SELECT 1 AS n) ORDER BY n WITH FILL TO 3 INTERPOLATE (x AS x + 1)",
    "SELECT name, count() FROM orders GROUP BY GROUPING SETS ((name), ()) ORDER BY ALL",
    "SELECT getSetting('max_threads')",
    "SELECT name FROM system.tables WHERE database = 'shop'",
    "SELECT table_name FROM INFORMATION_SCHEMA.TABLES WHERE table_schema = 'shop'",
    "SHOW TABLES",
    "SHOW DATABASES",
    "SHOW COLUMNS FROM orders",
    "SHOW CREATE TABLE shop.orders",
    "DESCRIBE TABLE orders",
    "desc `shop`.`orders`;",
    "EXISTS TABLE orders",
    "EXPLAIN SELECT * FROM orders",
    "EXPLAIN PIPELINE SELECT * FROM orders",
    "(SELECT 1)",
    "SELECT 1 FORMAT JSONEachRow",
    "SELECT 1;",
]
ESCAPES = [
    *(f"SELECT * FROM {function}" for function in TABLE_FUNCTIONS),
    *AROUND_A_TABLE_FUNCTION,
    *SCALARS,
    *OUT_OF_THE_DATABASE,
]


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
