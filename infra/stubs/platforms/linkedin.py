"""LinkedIn: start and count, times in milliseconds, amounts as text, dates in parts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

from infra.stubs.platform import Ask, Page, Platform, Row, Unclear, bearer

USUAL_PAGE = 10
CODES = {400: "ILLEGAL_ARGUMENT", 401: "INVALID_ACCESS_TOKEN", 429: "TOO_MANY_REQUESTS"}


class LinkedIn(Platform):
    """`adAnalytics` by campaign and day."""

    name = "linkedin"
    paths = ("/rest/adAnalytics",)

    def key(self, row: Row) -> str:
        start = row["dateRange"]["start"]
        return f"{row['pivotValues'][0]}/{start['year']}-{start['month']}-{start['day']}"

    def updated_at(self, row: Row) -> datetime:
        return _time(row["lastModifiedAt"])

    def token(self, request: Request) -> str:
        return bearer(request) if request.headers.get("linkedin-version") else ""

    async def ask(self, request: Request) -> Ask:
        asked = request.query_params
        start, count = int(asked.get("start", 0)), int(asked.get("count", USUAL_PAGE))
        if start < 0 or count < 1:
            raise Unclear("start is 0 or more, count is 1 or more")
        return Ask(_time(asked["lastModifiedAfter"]), start, count)

    def answer(self, request: Request, page: Page) -> dict[str, Any]:
        paging = {"start": page.ask.offset, "count": page.ask.size, "total": page.total}
        return {"paging": {**paging, "links": []}, "elements": page.rows}

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"status": status, "code": CODES.get(status, "INTERNAL_ERROR"), "message": message}


def _time(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(milliseconds))
