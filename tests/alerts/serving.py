"""The real server in a thread, and requests to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import uvicorn

from infra.alerts.server import application
from infra.alerts.store import Store
from jobs.patience import await_true

GOOD = {"title": "gold failed", "severity": "critical", "source": "airflow gold", "detail": "a\nb"}
JSON = {"content-type": "application/json"}


@dataclass
class Client:
    """Requests to one server."""

    url: str

    def get(self, path: str, **parameters: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=parameters, timeout=5)

    def post(self, data: Any, headers: dict[str, str] = JSON) -> requests.Response:
        return requests.post(f"{self.url}/alerts", data=data, headers=headers, timeout=5)

    def send(self, **changes: Any) -> requests.Response:
        return self.post(json.dumps(GOOD | changes))


@contextmanager
def serving(folder: Path) -> Iterator[Client]:
    """A client of a server that keeps its alerts in the folder."""
    mails = folder / "mails"
    mails.mkdir(exist_ok=True)
    config = uvicorn.Config(
        application(folder, Store(mails)), host="127.0.0.1", port=0, log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    late = AssertionError("the server did not start")
    await_true(lambda: server.started, 10, lambda _: late, 0.005)
    yield Client(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    server.should_exit = True
    thread.join()
