"""The CRM, which speaks like Salesforce: SOQL, a session token, `done` and a way to go on."""

import re
from datetime import datetime
from typing import Any

from starlette.requests import Request

from infra.stubs.platform import Ask, Page, Platform, Row, Unclear, bearer

QUERY = "/services/data/v61.0/query"
SINCE = re.compile(r"FROM Contact WHERE SystemModstamp >= (\S+) ORDER BY SystemModstamp")
BATCH = re.compile(r"batchSize=(\d+)")
USUAL_BATCH = 2_000
CODES = {
    400: "MALFORMED_QUERY",
    401: "INVALID_SESSION_ID",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "UNKNOWN_EXCEPTION",
}


class Crm(Platform):
    """The query resource for contacts."""

    name = "crm"
    paths = (QUERY, f"{QUERY}/{{cursor}}")

    def key(self, row: Row) -> str:
        return str(row["Id"])

    def updated_at(self, row: Row) -> datetime:
        return datetime.fromisoformat(row["SystemModstamp"])

    def token(self, request: Request) -> str:
        return bearer(request)

    async def ask(self, request: Request) -> Ask:
        if cursor := request.path_params.get("cursor"):
            return Ask.from_cursor(cursor)
        since = SINCE.search(request.query_params["q"])
        if not since:
            raise Unclear("q has to end FROM Contact WHERE SystemModstamp >= <time> ORDER BY it")
        batch = BATCH.search(request.headers.get("sforce-query-options", ""))
        size = int(batch[1]) if batch else USUAL_BATCH
        return Ask(datetime.fromisoformat(since[1]), 0, size)

    def answer(self, request: Request, page: Page) -> dict[str, Any]:
        answer = {"totalSize": page.total, "done": page.is_last, "records": page.rows}
        if not page.is_last:
            answer["nextRecordsUrl"] = f"{page.root}{QUERY}/{page.ask.following().to_cursor()}"
        return answer

    def error(self, status: int, message: str) -> list[Any]:
        return [{"message": message, "errorCode": CODES[status]}]
