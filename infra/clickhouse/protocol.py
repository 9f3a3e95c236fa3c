"""ClickHouse over HTTP: a request becomes a Query, an Answer becomes a response."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from infra.clickhouse.access import Role
from infra.clickhouse.errors import BAD_ARGUMENTS, NOT_IMPLEMENTED, QueryError, refusal
from infra.clickhouse.handle import Answer, Query
from infra.clickhouse.wire import decode, encode

ANALYST_BODY_BYTES = 1 << 20
ANALYST_BODY_SECONDS = 10
_FORM_FIELD_BYTES = 16 << 20
_PARAMETER = "param_"
# Parameters of the protocol; every other one is a setting of the engine.
_TRANSPORT = {
    "buffer_size",
    "cancel_http_readonly_queries_on_client_close",
    "client_protocol_version",
    "database",
    "default_format",
    "enable_http_compression",
    "http_headers_progress_interval_ms",
    "password",
    "query",
    "query_cache_tag",  # the engine's handles carry their name in it
    "query_id",
    "quota_key",
    "role",
    "send_progress_in_http_headers",
    "session_check",
    "session_id",
    "session_timeout",
    "user",
    "wait_end_of_query",
}
_NATIVE_COMPRESSION = ("compress", "decompress")


@dataclass(frozen=True)
class Call:
    """A request as it arrived, its body not yet decompressed."""

    role: Role
    id: str
    method: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]
    body: bytes

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked."""
        return not (self.body or self.parameters.get("query", "").strip())


async def read_call(request: Request, role: Role, call_id: str) -> Call:
    """The whole request.

    Raises: QueryError 48 for what is not spoken here, 36 for an analyst's oversized body.
    """
    parameters = dict(request.query_params)
    body = await _body(request, role)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        parameters.update(await _form_fields(_again(request, body)))
        body = b""
    for name in _NATIVE_COMPRESSION:
        if parameters.pop(name, "0") not in ("0", "false"):
            raise refusal(NOT_IMPLEMENTED, f"{name}=1 is not spoken here. Use Content-Encoding.")
    return Call(role, call_id, request.method, request.headers, parameters, body)


def query_of(call: Call) -> Query:
    """The query a call asks for: its `query` parameter, then its body.

    Raises: QueryError for a body that cannot be decompressed.
    """
    sent = call.parameters
    parts = [sent.get("query", "").encode(), decode(call.body, _encoding(call))]
    return Query(
        role=call.role,
        sql=b"\n".join(part for part in parts if part),
        id=call.id,
        database=sent.get("database") or call.headers.get("x-clickhouse-database"),
        session=sent.get("session_id"),
        output=sent.get("default_format")
        or call.headers.get("x-clickhouse-format")
        or "TabSeparated",
        reads_only=call.method != "POST",
        settings={
            name: value
            for name, value in sent.items()
            if name not in _TRANSPORT and not name.startswith(_PARAMETER)
        },
        parameters={
            name.removeprefix(_PARAMETER): value
            for name, value in sent.items()
            if name.startswith(_PARAMETER)
        },
    )


def answer_response(call: Call, answer: Answer) -> Response:
    """The response that carries an answer, compressed if the client asked for it."""
    body, encoding = answer.body, ""
    if call.parameters.get("enable_http_compression") in ("1", "true") and body:
        body, encoding = encode(body, call.headers.get("accept-encoding", ""))
    headers = {
        "X-ClickHouse-Summary": json.dumps(answer.summary),
        "X-ClickHouse-Timezone": "UTC",
        "X-ClickHouse-Server-Display-Name": "chdb",
    }
    if answer.format:
        headers["X-ClickHouse-Format"] = answer.format
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(body, headers=headers, media_type="application/octet-stream")


def error_response(error: QueryError, version: str) -> Response:
    """The response a ClickHouse server of this version gives for an error."""
    return PlainTextResponse(
        f"{error} (version {version})\n",
        error.http_status,
        {"X-ClickHouse-Exception-Code": str(error.code)},
    )


def _encoding(call: Call) -> str:
    encoding = call.headers.get("content-encoding", "")
    if encoding and call.role is Role.ANALYST:
        # A small body could unpack to all the memory there is.
        raise refusal(NOT_IMPLEMENTED, "An analyst's query is sent without Content-Encoding.")
    return encoding


async def _body(request: Request, role: Role) -> bytes:
    """The whole body; an analyst's is small, and comes without pauses.

    Raises: QueryError 36 if it is not.
    """
    if role is Role.LOADER:
        return await request.body()
    try:
        async with asyncio.timeout(ANALYST_BODY_SECONDS):
            return await _small_body(request)
    except TimeoutError:
        raise refusal(
            BAD_ARGUMENTS, f"An analyst's query arrives within {ANALYST_BODY_SECONDS} s."
        ) from None


async def _small_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > ANALYST_BODY_BYTES:
            raise refusal(
                BAD_ARGUMENTS, f"An analyst's query has at most {ANALYST_BODY_BYTES} bytes."
            )
    return bytes(body)


def _again(request: Request, body: bytes) -> Request:
    """The request with a body that was read and found small enough."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


async def _form_fields(request: Request) -> dict[str, str]:
    fields: dict[str, str] = {}
    async with request.form(max_part_size=_FORM_FIELD_BYTES) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                raise refusal(
                    NOT_IMPLEMENTED,
                    f"External table {name} is not spoken here. Insert into a temporary table.",
                )
            fields[name] = value
    return fields
