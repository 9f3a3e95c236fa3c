"""The real server as a child process."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import clickhouse_connect
import requests
from clickhouse_connect.driver.client import Client

from infra.native.command import free_port
from jobs.patience import await_true

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
LOADER = ("loader", "loader's secret")
ANALYST = ("analyst", "analyst's secret")


def environment(path: Path, port: int) -> dict[str, str]:
    """The variables the server reads."""
    return {
        **os.environ,
        "TZ": "America/New_York",
        "CLICKHOUSE_HOST": "127.0.0.1",
        "CLICKHOUSE_PORT": str(port),
        "CLICKHOUSE_PATH": str(path),
        "CLICKHOUSE_USER": LOADER[0],
        "CLICKHOUSE_PASSWORD": LOADER[1],
        "CLICKHOUSE_ANALYST_USER": ANALYST[0],
        "CLICKHOUSE_ANALYST_PASSWORD": ANALYST[1],
    }


def launch(environ: dict[str, str]) -> subprocess.Popen[str]:
    """The server's process, perhaps not answering yet."""
    return subprocess.Popen(
        [sys.executable, "-m", "infra.clickhouse.server"],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(holds: Any, what: str, seconds: float = START_SECONDS) -> None:
    """Return as soon as the condition holds; fail the test if it never does."""
    late = AssertionError(f"{what}: not within {seconds} s")
    await_true(holds, seconds, lambda _: late, 0.02)


@dataclass
class Server:
    """A running server."""

    path: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> "Server":
        """Start the process and wait until it answers."""
        self.process = launch(environment(self.path, self.port))
        wait_until(self.answers, "the server answers /ping")
        return self

    def answers(self) -> bool:
        """Whether /ping says Ok."""
        assert self.process.poll() is None, self.process.communicate()[1]
        try:
            return requests.get(f"{self.url}/ping", timeout=5).text == "Ok.\n"
        except requests.ConnectionError:
            return False

    def stop(self) -> int:
        """End the process with SIGTERM; its exit code."""
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode

    @property
    def url(self) -> str:
        """The address of the HTTP interface."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, login: tuple[str, str] = LOADER, **options: Any) -> Client:
        """The unmodified client, logged in."""
        user, password = login
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, username=user, password=password, **options
        )

    def post(
        self, sql: str | bytes = b"", login: tuple[str, str] = LOADER, **parameters: str
    ) -> requests.Response:
        """The bare response to a statement."""
        headers = {"X-ClickHouse-User": login[0], "X-ClickHouse-Key": login[1]}
        return requests.post(self.url, data=sql, params=parameters, headers=headers, timeout=60)
