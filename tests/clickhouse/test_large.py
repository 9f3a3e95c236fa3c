"""Large inserts and results arrive whole."""

import lz4.frame
import numpy as np
import requests
from clickhouse_connect.driver.client import Client

from tests.clickhouse.process import LOADER, Server

ROWS = 1_000_000
CHECKSUM = "SELECT count(), sum(id), sum(cityHash64(id, name)) FROM"


def test_every_lz4_frame_of_an_insert_is_written(server: Server, loader: Client) -> None:
    loader.command("CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id")
    frames = [lz4.frame.compress(b"%d\n" % number) for number in range(5)]
    response = requests.post(
        server.url,
        data=b"".join([lz4.frame.compress(b"INSERT INTO shop.t FORMAT CSV\n"), *frames]),
        headers={"Content-Encoding": "lz4"},
        auth=LOADER,
        timeout=10,
    )
    assert response.status_code == 200, response.text
    assert loader.query("SELECT id FROM t ORDER BY id").result_columns == [[0, 1, 2, 3, 4]]


def test_damaged_last_frame_writes_nothing(server: Server, loader: Client) -> None:
    loader.command("CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id")
    whole = lz4.frame.compress(b"INSERT INTO shop.t FORMAT CSV\n1\n")
    response = requests.post(
        server.url,
        data=whole + lz4.frame.compress(b"2\n")[:-3],
        headers={"Content-Encoding": "lz4"},
        auth=LOADER,
        timeout=10,
    )
    assert response.headers["X-ClickHouse-Exception-Code"] == "271"
    assert loader.query("SELECT * FROM t").result_rows == []


def test_a_million_rows_go_in_and_come_out(loader: Client) -> None:
    import pandas as pd

    numbers = np.arange(ROWS, dtype="uint64")
    frame = pd.DataFrame({"id": numbers, "name": "n" + pd.Series(numbers).astype(str)})
    loader.command("CREATE TABLE t (id UInt64, name String) ENGINE = MergeTree ORDER BY id")
    assert loader.insert_df("t", frame).written_rows == ROWS
    computed = f"(SELECT number AS id, concat('n', toString(number)) AS name FROM numbers({ROWS}))"
    stored = loader.query(f"{CHECKSUM} t").result_rows
    assert stored == loader.query(f"{CHECKSUM} {computed}").result_rows
    returned = loader.query_df("SELECT * FROM t ORDER BY id")
    assert returned["id"].equals(frame["id"])
    assert returned["name"].tolist() == frame["name"].tolist()
