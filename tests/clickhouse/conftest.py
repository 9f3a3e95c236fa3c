from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from tests.clickhouse.process import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("clickhouse") / "data").start()
    yield running
    running.stop()


@pytest.fixture
def loader(server: Server) -> Iterator[Client]:
    """A client whose current database is `shop`, new for each test."""
    server.client().command("CREATE DATABASE shop")
    yield server.client(database="shop")
    server.client().command("DROP DATABASE shop SYNC")
