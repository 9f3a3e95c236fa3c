"""Google Ads: a POSTed query, page tokens, amounts in micros, 64-bit numbers as text."""

import re
from datetime import datetime
from typing import Any

from starlette.requests import Request

from infra.stubs.platform import Ask, Page, Platform, Row, Unclear, bearer

SINCE = re.compile(r"updated_at >= '([^']+)'")
LARGEST_PAGE = 10_000
STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
}


class Google(Platform):
    """`googleAds:search` of one customer."""

    name = "google"
    method = "POST"
    paths = ("/v21/customers/{customer}/googleAds:search",)

    def key(self, row: Row) -> str:
        return f"{row['campaign']['id']}/{row['segments']['date']}"

    def updated_at(self, row: Row) -> datetime:
        return datetime.fromisoformat(row["updatedAt"])

    def token(self, request: Request) -> str:
        return bearer(request) if request.headers.get("developer-token") else ""

    async def ask(self, request: Request) -> Ask:
        body = await request.json()
        if token := body.get("pageToken"):
            return Ask.from_cursor(token)
        since = SINCE.search(body["query"])
        size = int(body.get("pageSize", LARGEST_PAGE))
        if not since or not 0 < size <= LARGEST_PAGE:
            raise Unclear("query needs updated_at >= '<time>', pageSize is 1 to 10000")
        return Ask(datetime.fromisoformat(since[1]), 0, size)

    def answer(self, request: Request, page: Page) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "results": page.rows,
            "totalResultsCount": str(page.total),
            "fieldMask": "campaign.id,segments.date,metrics.costMicros",
        }
        if not page.is_last:
            answer["nextPageToken"] = page.ask.following().to_cursor()
        return answer

    def error(self, status: int, message: str) -> dict[str, Any]:
        told = {"code": status, "message": message, "status": STATUS_NAMES[status]}
        return {"error": told}
