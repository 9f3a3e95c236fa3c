"""Many clients at once, and clients that leave."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import requests
from clickhouse_connect.driver.client import Client

from infra.clickhouse.engine import MAX_SESSIONS
from tests.clickhouse.process import ANALYST, LOADER, Server, wait_until

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 0"


def running(server: Server, start: str) -> int:
    """How many queries that start with the text run."""
    sql = "SELECT count() FROM system.processes WHERE startsWith(query, {start:String})"
    return int(server.post(sql, param_start=start).text)


def leave_during(server: Server, sql: str, login: tuple[str, str], **parameters: str) -> None:
    """Send a query, and hang up as soon as it runs."""
    user, password = login
    request = requests.Request(
        "POST", server.url, data=sql, params=parameters, auth=(user, password)
    ).prepare()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            f"POST {request.path_url} HTTP/1.1\r\nHost: x\r\n{head}\r\n{sql}".encode()
        )
        wait_until(lambda: running(server, sql) > 0, "the query runs")


def test_clients_do_not_see_each_others_rows(server: Server, loader: Client) -> None:
    def work(number: int) -> list[tuple[int]]:
        client = server.client(database="shop")
        client.command(f"CREATE TABLE t{number} (id Int64) ENGINE = MergeTree ORDER BY id")
        client.command("CREATE TEMPORARY TABLE mine (id Int64)")
        for _ in range(5):
            client.insert("mine", [[number]], column_names=["id"])
            client.command(f"INSERT INTO t{number} SELECT * FROM mine")
        return list(client.query(f"SELECT id, count() FROM t{number} GROUP BY id").result_rows)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == [[(number, 15)] for number in range(8)]


def test_a_session_runs_one_query_at_a_time(server: Server) -> None:
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(server.post, "SELECT sleep(1)", session_id="busy")
        wait_until(lambda: running(server, "SELECT sleep(1)") > 0, "the first query runs")
        second = server.post("SELECT 1", session_id="busy")
        assert second.headers["X-ClickHouse-Exception-Code"] == "373"
        assert first.result().text == "0\n"
    assert server.post("SELECT 1", session_id="busy").text == "1\n"


def test_a_query_ends_when_its_client_leaves(server: Server) -> None:
    leave_during(server, ENDLESS, LOADER, session_id="leaver", param_unused="1")
    wait_until(lambda: running(server, ENDLESS) == 0, "the query is gone")
    wait_until(
        lambda: server.post("SELECT 1", session_id="leaver").text == "1\n", "the session is free"
    )


def test_an_insert_goes_on_when_its_client_leaves(server: Server, loader: Client) -> None:
    loader.command("CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id")
    insert = "INSERT INTO t SELECT number + sleepEachRow(0.1) FROM numbers(10)"
    leave_during(server, insert, LOADER, database="shop")
    wait_until(lambda: running(server, insert) == 0, "the insert is done")
    assert loader.query("SELECT id FROM t ORDER BY id").result_columns == [list(range(10))]


def test_leaving_analysts_hold_up_nobody(server: Server) -> None:
    for number in range(6):
        leave_during(server, f"{ENDLESS} AND {number} = {number}", ANALYST)
    assert server.post("SELECT 1", ANALYST).text == "1\n"
    wait_until(lambda: running(server, ENDLESS) == 0, "all queries are gone")


def test_ping_answers_while_every_thread_works(server: Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        work = [threads.submit(server.post, "SELECT sleep(0.9)") for _ in range(8)]
        wait_until(lambda: running(server, "SELECT sleep(0.9)") > 0, "queries run", seconds=5)
        started = time.monotonic()
        assert requests.get(f"{server.url}/ping", timeout=5).text == "Ok.\n"
        assert time.monotonic() - started < 1
        assert not all(query.done() for query in work)


def test_only_the_most_recent_sessions_are_kept(server: Server) -> None:
    table = "CREATE TEMPORARY TABLE mine AS SELECT 7 AS x"
    server.post(table, session_id="old")
    server.post(table, session_id="kept")
    for number in range(MAX_SESSIONS - 1):
        server.post("SELECT 1", session_id=f"crowd{number}")
        server.post("SELECT 1", session_id="kept")
    assert server.post("SELECT x FROM mine", session_id="kept").text == "7\n"
    assert server.post("SELECT x FROM mine", session_id="old").status_code == 404
