"""Meta: insights with the token in the query, whole URLs as cursors, every number as text."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from infra.stubs.platform import Ask, Page, Platform, Row, Unclear

USUAL_PAGE = 25
CODES = {400: 100, 401: 190, 429: 17, 500: 2}


class Meta(Platform):
    """`insights` of one ad account."""

    name = "meta"
    paths = ("/v24.0/act_{account}/insights",)

    def key(self, row: Row) -> str:
        return f"{row['campaign_id']}/{row['date_start']}"

    def updated_at(self, row: Row) -> datetime:
        return datetime.fromisoformat(row["updated_time"])

    def token(self, request: Request) -> str:
        return request.query_params.get("access_token", "")

    async def ask(self, request: Request) -> Ask:
        if after := request.query_params.get("after"):
            return Ask.from_cursor(after)
        filters = json.loads(request.query_params["filtering"])
        for condition in filters:
            if (condition["field"], condition["operator"]) == (
                "updated_time",
                "GREATER_THAN_OR_EQUAL",
            ):
                since = datetime.fromisoformat(condition["value"])
                return Ask(since, 0, int(request.query_params.get("limit", USUAL_PAGE)))
        raise Unclear("filtering needs updated_time GREATER_THAN_OR_EQUAL")

    def answer(self, request: Request, page: Page) -> dict[str, Any]:
        after = page.ask.following().to_cursor()
        paging: dict[str, Any] = {"cursors": {"before": page.ask.to_cursor(), "after": after}}
        if not page.is_last:
            query = {**request.query_params, "after": after}
            paging["next"] = str(request.url.replace(query=urlencode(query)))
        return {"data": page.rows, "paging": paging, "summary": {"total_count": page.total}}

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"error": {"message": message, "type": "OAuthException", "code": CODES[status]}}
