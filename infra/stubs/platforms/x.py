"""X: a cursor in the body, metrics as lists inside lists, amounts in micros."""

from datetime import datetime
from typing import Any

from starlette.requests import Request

from infra.stubs.platform import Ask, Page, Platform, Row, Unclear, bearer

USUAL_PAGE = 200
CODES = {400: "INVALID_PARAMETER", 401: "UNAUTHORIZED_ACCESS", 429: "TOO_MANY_REQUESTS"}


class X(Platform):
    """The statistics of one account's campaigns."""

    name = "x"
    paths = ("/12/stats/accounts/{account}",)

    def key(self, row: Row) -> str:
        return f"{row['id']}/{row['date']}"

    def updated_at(self, row: Row) -> datetime:
        return datetime.fromisoformat(row["updated_at"])

    def token(self, request: Request) -> str:
        return bearer(request)

    async def ask(self, request: Request) -> Ask:
        asked = request.query_params
        if cursor := asked.get("cursor"):
            return Ask.from_cursor(cursor)
        if asked.get("entity") != "CAMPAIGN":
            raise Unclear("entity has to be CAMPAIGN")
        since = datetime.fromisoformat(asked["updated_since"])
        return Ask(since, 0, int(asked.get("count", USUAL_PAGE)))

    def answer(self, request: Request, page: Page) -> dict[str, Any]:
        cursor = None if page.is_last else page.ask.following().to_cursor()
        return {
            "data": page.rows,
            "next_cursor": cursor,
            "total_count": page.total,
            "request": {"params": {"entity": "CAMPAIGN"}},
        }

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"errors": [{"code": CODES.get(status, "INTERNAL_ERROR"), "message": message}]}
