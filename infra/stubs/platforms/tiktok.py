"""TikTok: numbered pages; whatever goes wrong is told with status 200 and a code."""

import json
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.stubs.platform import Ask, Page, Platform, Row, Unclear

CODES = {400: 40002, 401: 40105, 429: 40100, 500: 50000}
TIME = "%Y-%m-%d %H:%M:%S"
LARGEST_PAGE = 1_000


class TikTok(Platform):
    """The integrated report of one advertiser."""

    name = "tiktok"
    paths = ("/open_api/v1.3/report/integrated/get/",)

    def key(self, row: Row) -> str:
        return f"{row['dimensions']['campaign_id']}/{row['dimensions']['stat_time_day']}"

    def updated_at(self, row: Row) -> datetime:
        return _time(row["modify_time"])

    def token(self, request: Request) -> str:
        return request.headers.get("access-token", "")

    async def ask(self, request: Request) -> Ask:
        asked = request.query_params
        page, size = int(asked.get("page", 1)), int(asked.get("page_size", 10))
        [condition] = json.loads(asked["filtering"])
        if page < 1 or not 0 < size <= LARGEST_PAGE:
            raise Unclear("page starts at 1, page_size is 1 to 1000")
        if condition["field_name"] != "modify_time":
            raise Unclear("filtering needs modify_time")
        return Ask(_time(condition["filter_value"]), (page - 1) * size, size)

    def answer(self, request: Request, page: Page) -> dict[str, Any]:
        info = {
            "page": page.ask.offset // page.ask.size + 1,
            "page_size": page.ask.size,
            "total_number": page.total,
            "total_page": -(-page.total // page.ask.size),
        }
        return {"code": 0, "message": "OK", "data": {"list": page.rows, "page_info": info}}

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"code": CODES[status], "message": message, "data": {}}

    def refusal(self, status: int, message: str) -> Response:
        return JSONResponse(self.error(status, message))


def _time(text: str) -> datetime:
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)
