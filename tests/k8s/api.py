"""As much of Kubernetes' API as Spark needs to believe that it makes executors, and a record of it.

Nothing is started: a pod that is posted is kept, and stays pending for ever.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
EMPTY_LIST = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": []}
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


class Api(ThreadingHTTPServer):
    """The API on a free port: each verb that was asked with its resource, each object posted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: set[tuple[str, str]] = set()
        self.posted: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def pods(self) -> list[dict[str, Any]]:
        """The pods that were posted."""
        return [each for each in self.posted if each["kind"] == "Pod"]


@contextmanager
def serving() -> Iterator[Api]:
    """The API, while the block runs."""
    with Api() as api:
        Thread(target=api.serve_forever, daemon=True).start()
        yield api
        api.shutdown()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        resource, name = self.target()
        watched = "watch" in parse_qs(urlsplit(self.path).query)
        self.api.asked.add(("watch" if watched else "get" if name else "list", resource))
        metadata = {"name": name, "namespace": "lakeproof", "uid": "1"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": READY}
        self.answer(pod if name else EMPTY_LIST)

    def do_POST(self) -> None:
        self.api.asked.add((VERBS[self.command], self.target()[0]))
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.api.posted.append(body)
        uid = str(len(self.api.posted))
        self.answer({**body, "metadata": {**body["metadata"], "uid": uid}})

    do_PUT = do_PATCH = do_POST

    def do_DELETE(self) -> None:
        resource, name = self.target()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.api.asked.add(("delete" if name else "deletecollection", resource))
        self.answer({"apiVersion": "v1", "kind": "Status", "status": "Success"})

    @property
    def api(self) -> Api:
        return cast(Api, self.server)

    def target(self) -> tuple[str, str]:
        resource, _, name = urlsplit(self.path).path.partition("lakeproof/")[2].partition("/")
        return resource, name

    def answer(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing: the record is `asked`."""
