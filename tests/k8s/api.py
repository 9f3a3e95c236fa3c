"""As much of Kubernetes' API as Spark needs to believe that it makes executors, and a record of it.

Nothing is started: a pod that is posted is kept, and stays pending for ever.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
EMPTY_LIST = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": []}


@dataclass
class Api:
    """What was asked: each verb with its resource, and each object that was posted."""

    address: str
    asked: set[tuple[str, str]] = field(default_factory=set)
    posted: list[dict[str, Any]] = field(default_factory=list)

    def pods(self) -> list[dict[str, Any]]:
        """The pods that were posted."""
        return [each for each in self.posted if each["kind"] == "Pod"]


@contextmanager
def serving() -> Iterator[Api]:
    """The API on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            resource, name = self.target()
            watched = "watch" in parse_qs(urlsplit(self.path).query)
            api.asked.add(("watch" if watched else "get" if name else "list", resource))
            metadata = {"name": name, "namespace": "lakeproof", "uid": "1"}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
            ready = {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}
            self.answer({**pod, "status": ready} if name else EMPTY_LIST)

        def do_POST(self) -> None:
            api.asked.add((VERBS[self.command], self.target()[0]))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            api.posted.append(body)
            self.answer({**body, "metadata": {**body["metadata"], "uid": str(len(api.posted))}})

        do_PUT = do_PATCH = do_POST

        def do_DELETE(self) -> None:
            resource, name = self.target()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            api.asked.add(("delete" if name else "deletecollection", resource))
            self.answer({"apiVersion": "v1", "kind": "Status", "status": "Success"})

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

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api = Api(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield api
        server.shutdown()
