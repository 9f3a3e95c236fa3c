"""Starting, refusing to start, stopping, and being killed."""

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from infra.native.command import free_port
from tests.clickhouse.process import Server, environment, launch, wait_until

CREATE = "CREATE TABLE t (id UInt64, name String) ENGINE = MergeTree ORDER BY id"
ALL_ROWS = "SELECT * FROM t ORDER BY id"


def failure(environ: dict[str, str]) -> tuple[int, str]:
    """Exit code and message of a server that cannot start."""
    process = launch(environ)
    _, message = process.communicate(timeout=30)
    return process.returncode, message


def assert_one_sentence_about(message: str, subject: str) -> None:
    assert subject in message
    assert len(message.splitlines()) == 1
    assert "Traceback" not in message


def test_killed_server_keeps_every_committed_row(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    client = server.client()
    client.command(CREATE)
    for start in range(0, 50, 10):
        rows = [[number, f"n{number}"] for number in range(start, start + 10)]
        client.insert("t", rows, column_names=["id", "name"])
    before = client.query(ALL_ROWS).result_rows
    server.process.send_signal(signal.SIGKILL)
    server.process.communicate(timeout=10)

    again = server.start()
    after = again.client().query(ALL_ROWS).result_rows
    assert again.stop() == 0
    assert after == before == [(number, f"n{number}") for number in range(50)]


def test_sigterm_ends_a_running_query_and_exits_cleanly(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    server.post(CREATE)
    server.post("INSERT INTO t VALUES (1, 'a')")
    endless = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 0"
    with ThreadPoolExecutor(1) as threads:
        query = threads.submit(server.post, endless)
        seen = (
            "SELECT count() FROM system.processes WHERE startsWith(query, 'SELECT count() FROM n')"
        )
        wait_until(lambda: server.post(seen).text == "1\n", "the query runs")
        assert server.stop() == 0
        assert isinstance(query.exception(), requests.ConnectionError) or query.result().status_code
    assert server.start().post("SELECT * FROM t").text == "1\ta\n"
    assert server.stop() == 0


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, message = failure(environment(tmp_path / "data", port))
    assert code == 1
    assert_one_sentence_about(message, f"Port {port}")


def test_folder_of_another_server_is_named(server: Server) -> None:
    code, message = failure(environment(server.path, free_port()))
    assert code == 1
    assert_one_sentence_about(message, str(server.path))
    assert server.post("SELECT 1").text == "1\n"


def test_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("not a folder")
    code, message = failure(environment(path, free_port()))
    assert code == 1
    assert_one_sentence_about(message, str(path))


def test_missing_variable_is_named(tmp_path: Path) -> None:
    environ = environment(tmp_path / "data", free_port())
    del environ["CLICKHOUSE_ANALYST_PASSWORD"]
    code, message = failure(environ)
    assert code == 1
    assert_one_sentence_about(message, "CLICKHOUSE_ANALYST_PASSWORD")
