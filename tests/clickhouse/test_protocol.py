"""The unmodified client speaks to the server as to any ClickHouse server."""

import datetime as dt
import gzip
from decimal import Decimal

import pyarrow as pa
import pytest
import requests
from clickhouse_connect import dbapi
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData

from tests.clickhouse.process import LOADER, Server

COLUMNS = ["id", "day", "at", "amount", "label", "note", "tags", "price", "counts"]
ROWS = [
    (
        1,
        dt.date(2026, 1, 1),
        dt.datetime(2026, 1, 1, 5, 0, 0, 4000),
        1.5,
        "x",
        None,
        ["a", "b"],
        Decimal("1.25"),
        {"k": 1},
    ),
    (2, dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 6), 2.5, "o'k", 7, [], Decimal("-2.20"), {}),
]


@pytest.fixture
def wide(loader: Client) -> Client:
    loader.command(
        "CREATE TABLE wide (id UInt64, day Date, at DateTime64(3, 'UTC'), amount Float64,"
        " label LowCardinality(String), note Nullable(Int32), tags Array(String),"
        " price Decimal(18, 2), counts Map(String, Int32)) ENGINE = MergeTree ORDER BY id"
    )
    loader.insert("wide", ROWS, column_names=COLUMNS)
    return loader


def test_rows_come_back_as_they_went_in(wide: Client) -> None:
    result = wide.query("SELECT * FROM wide ORDER BY id")
    assert (result.column_names, result.result_rows) == (tuple(COLUMNS), ROWS)


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", False])
def test_data_frame_survives_each_compression(
    server: Server, loader: Client, compression: str | bool
) -> None:
    import pandas as pd

    frame = pd.DataFrame({"id": range(1000), "name": [f"n{i}" for i in range(1000)]})
    loader.command("CREATE TABLE t (id Int64, name String) ENGINE = MergeTree ORDER BY id")
    client = server.client(database="shop", compress=compression)
    assert client.insert_df("t", frame).written_rows == 1000
    assert client.query_df("SELECT * FROM t ORDER BY id").values.tolist() == frame.values.tolist()


def test_arrow_goes_both_ways(loader: Client) -> None:
    table = pa.table({"id": [1, 2], "name": ["a", "b"]})
    loader.command("CREATE TABLE t (id Int64, name String) ENGINE = MergeTree ORDER BY id")
    loader.insert_arrow("t", table)
    assert loader.query_arrow("SELECT * FROM t", use_strings=True).to_pydict() == table.to_pydict()


def test_raw_insert_and_raw_query(loader: Client) -> None:
    loader.command("CREATE TABLE t (id Int64, name String) ENGINE = MergeTree ORDER BY id")
    loader.raw_insert("t", ["id", "name"], b'1,"a b"\n', fmt="CSV")
    loader.raw_insert("t", insert_block=gzip.compress(b"2,c\n"), fmt="CSV", compression="gzip")
    assert loader.raw_query("SELECT * FROM t ORDER BY id", fmt="CSV") == b'1,"a b"\n2,"c"\n'


def test_streams_hold_every_row(loader: Client) -> None:
    with loader.query_row_block_stream("SELECT number FROM numbers(200000)") as blocks:
        assert [row[0] for block in blocks for row in block] == list(range(200000))


def test_parameters_are_values_not_text(loader: Client) -> None:
    server_side = "SELECT {a:Int32} + {b:Int32}, {s:String}, {d:Date}"
    values = {"a": 1, "b": 2, "s": "it's \\ 1\n", "d": dt.date(2026, 1, 1)}
    assert loader.query(server_side, parameters=values).result_rows == [
        (3, "it's \\ 1\n", dt.date(2026, 1, 1))
    ]
    client_side = loader.query("SELECT %(x)s, %(y)s", parameters={"x": "o'k", "y": 5})
    assert client_side.result_rows == [("o'k", 5)]


def test_parameters_may_travel_as_a_form(server: Server) -> None:
    client = server.client(form_encode_query_params=True)
    assert client.query("SELECT {a:Int32}", parameters={"a": 5}).result_rows == [(5,)]


def test_command_tells_values_from_results(loader: Client) -> None:
    loader.command("CREATE TABLE t (id Int64) ENGINE = MergeTree ORDER BY id")
    assert loader.command("SELECT 41 + 1") == 42
    assert loader.command("SHOW TABLES") == "t"
    assert loader.command("SELECT 'x' WHERE 0") == ""
    assert loader.query("SELECT * FROM t LIMIT 0").column_names == ("id",)


def test_the_summary_counts_what_was_read_and_written(server: Server, loader: Client) -> None:
    loader.command("CREATE TABLE t (id Int64) ENGINE = MergeTree ORDER BY id")
    written = loader.command("INSERT INTO t SELECT number FROM numbers(1000)")
    values = loader.command("INSERT INTO t VALUES (1), (2)")
    read = loader.query("SELECT * FROM t WHERE id >= 0 LIMIT 5").summary
    assert (written.written_rows, values.written_rows) == (1000, 2)
    assert (read["result_rows"], int(read["read_rows"]) > 0) == ("5", True)


def test_response_carries_the_headers_of_clickhouse(server: Server) -> None:
    response = server.post("SELECT 1 FORMAT JSONEachRow", query_id="mine")
    expected = {
        "X-ClickHouse-Query-Id": "mine",
        "X-ClickHouse-Format": "JSONEachRow",
        "X-ClickHouse-Timezone": "UTC",
    }
    assert {name: response.headers[name] for name in expected} == expected
    assert "X-ClickHouse-Format" not in server.post("SET max_threads = 1").headers


def test_every_request_has_its_own_query_id(server: Server) -> None:
    ids = [server.post("SELECT 1").headers["X-ClickHouse-Query-Id"] for _ in range(2)]
    assert ids[0] and ids[0] != ids[1]


def test_the_time_zone_is_utc_whatever_the_environment_says(server: Server) -> None:
    answer = server.post("SELECT timezone(), toDateTime('2026-07-01 12:00:00')::Int64").text
    assert answer == f"UTC\t{int(dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC).timestamp())}\n"


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        ("SELECT * FROM nowhere", 60, 404),
        ("SELECT FROM WHERE", 62, 400),
        ("SELECT 1; SELECT 2", 62, 400),
        ("SELECT nothing", 47, 404),
        ("SELECT 1 FORMAT Nonsense", 73, 404),
        ("USE nowhere", 81, 404),
        ("INSERT INTO nowhere FORMAT CSV\n1", 60, 404),
        ("SELECT '\xff'".encode("latin-1"), 36, 400),
    ],
)
def test_errors_carry_code_and_status(
    server: Server, sql: str | bytes, code: int, status: int
) -> None:
    response = server.post(sql)
    found = int(response.headers["X-ClickHouse-Exception-Code"])
    assert (found, response.status_code) == (code, status)
    assert response.text.startswith(f"Code: {code}. DB::Exception: ")


def test_the_client_raises_the_servers_code(loader: Client) -> None:
    with pytest.raises(DatabaseError) as raised:
        loader.query("SELECT * FROM nowhere")
    assert raised.value.code == 60


def test_a_failed_query_leaves_nothing_in_the_next_answer(server: Server) -> None:
    failing = "SELECT throwIf(number = 200000) FROM numbers(300000) SETTINGS max_block_size = 1000"
    assert server.post(failing, session_id="one").status_code == 500
    assert server.post("SELECT 42", session_id="one").text == "42\n"


def test_a_refused_insert_writes_nothing(loader: Client) -> None:
    loader.command("CREATE TABLE t (id Int64) ENGINE = MergeTree ORDER BY id")
    with pytest.raises(DatabaseError) as raised:
        loader.raw_insert("t", ["id"], b"1\nnot a number\n", fmt="CSV")
    assert (raised.value.code, loader.query("SELECT * FROM t").result_rows) == (117, [])


def test_get_requests_only_read(server: Server, loader: Client) -> None:
    def ask(sql: str) -> requests.Response:
        return requests.get(server.url, params={"query": sql}, auth=LOADER, timeout=10)

    assert ask("SELECT 1").text == "1\n"
    assert ask("CREATE TABLE shop.t (id Int8) ENGINE = Memory").status_code == 403
    assert ask("INSERT INTO shop.t FORMAT CSV\n1").status_code == 403


def test_external_data_is_refused_not_ignored(loader: Client) -> None:
    data = ExternalData(file_name="e.csv", data=b"1\n", fmt="CSV", structure="x Int32")
    with pytest.raises(DatabaseError, match="48"):
        loader.query("SELECT * FROM e", external_data=data)


def test_tables_change_places_at_once(loader: Client) -> None:
    for name, value in (("live", 1), ("staged", 2)):
        loader.command(f"CREATE TABLE {name} (id Int64) ENGINE = MergeTree ORDER BY id")
        loader.insert(name, [[value]], column_names=["id"])
    loader.command("EXCHANGE TABLES shop.live AND shop.staged")
    assert loader.command("SELECT engine FROM system.databases WHERE name = 'shop'") == "Atomic"
    assert loader.command("SELECT id FROM live") == 2
    assert loader.command("SELECT id FROM staged") == 1


def test_views_mutations_and_merges_work(loader: Client) -> None:
    loader.command("CREATE TABLE t (id Int64) ENGINE = ReplacingMergeTree ORDER BY id")
    loader.command(
        "CREATE MATERIALIZED VIEW sums ENGINE = SummingMergeTree ORDER BY k"
        " AS SELECT 1 AS k, sum(id) AS total FROM t"
    )
    for _ in range(2):
        loader.command("INSERT INTO t VALUES (1), (2), (3)")
    loader.command("ALTER TABLE t DELETE WHERE id = 2 SETTINGS mutations_sync = 1")
    loader.command("DELETE FROM t WHERE id = 3")
    loader.command("OPTIMIZE TABLE t FINAL")
    assert loader.query("SELECT * FROM t").result_rows == [(1,)]
    assert loader.command("SELECT sum(total) FROM sums") == 12


def test_dbapi_works(server: Server) -> None:
    user, password = LOADER
    connection = dbapi.connect(host="127.0.0.1", port=server.port, username=user, password=password)
    cursor = connection.cursor()
    cursor.execute("SELECT 1, 'a'")
    assert cursor.fetchall() == [(1, "a")]
