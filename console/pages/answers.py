"""Search, one answer, and rehearsal."""

from collections.abc import Mapping
from random import Random
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from answers.book import Answer, load_answers
from answers.book import test_name as name_of_test
from answers.evidence import quoted
from answers.runs import Run, history, newest, recorded
from console.charts import trends
from console.proofs import Proofs
from console.rehearsal import draw, mark
from console.render import page
from console.search import search
from jobs.errors import ServiceDown
from jobs.settings import load_settings

RUNS_SHOWN = 20
SEEN_COOKIE, SEEN_SECONDS = "lakeproof_seen", 90 * 86_400


async def index(request: Request) -> Response:
    """All answers, or those that fit what was typed; their list alone when a script asks."""
    book = load_answers().values()
    typed = request.query_params.get("q", "")
    found = search(book, typed)
    runs, trouble = await run_in_threadpool(_newest)
    values = {
        "found": found,
        "typed": typed,
        "runs": {answer.slug: runs.get(answer.slug) or recorded(answer) for answer in found},
        "trouble": trouble,
        "count": len(book),
        "claims_count": sum(len(answer.claims) for answer in book),
    }
    is_fragment = "hx-request" in request.headers
    return page(request, "results.html" if is_fragment else "index.html", values)


async def answer(request: Request) -> Response:
    """An answer with the evidence of its last run and the history of its values."""
    values = await run_in_threadpool(_shown, _find(request))
    proofs: Proofs = request.app.state.proofs
    return page(request, "answer.html", {**values, "current": proofs.current})


async def evidence(request: Request) -> Response:
    """The evidence of the last run alone, for the page that just watched it."""
    return page(request, "evidence.html", await run_in_threadpool(_shown, _find(request)))


async def rehearse(request: Request) -> Response:
    """A question whose answer is hidden until asked for."""
    wanted = {key: request.query_params.get(key, "") for key in ("topic", "difficulty")}
    seen = [each for each in request.cookies.get(SEEN_COOKIE, "").split(".") if each]
    pool = [
        each
        for each in load_answers().values()
        if wanted["topic"] in ("", each.topic) and wanted["difficulty"] in ("", each.difficulty)
    ]
    unseen = sum(mark(each.slug) not in seen for each in pool)
    values: dict[str, Any] = {"wanted": wanted, "unseen": unseen, "pool": len(pool)}
    found = draw(pool, seen, Random())
    if found is None:
        return page(request, "rehearse.html", values)
    values |= await run_in_threadpool(_shown, found)
    response = page(request, "rehearse.html", values)
    kept = ".".join(dict.fromkeys([*seen, mark(found.slug)]))
    response.set_cookie(SEEN_COOKIE, kept, SEEN_SECONDS, httponly=True, samesite="strict")
    return response


def _find(request: Request) -> Answer:
    slug = request.path_params["slug"]
    if slug not in load_answers():
        raise HTTPException(404, f"There is no answer {slug!r}.")
    return load_answers()[slug]


def _shown(found: Answer) -> dict[str, Any]:
    """What the templates of one answer need; without a run here, the recorded one is shown."""
    runs, trouble = _history(found)
    run = runs[0] if runs else recorded(found)
    return {
        "answer": found,
        "run": run,
        "is_recorded": not runs,
        "values": quoted(run.evidence) if run else {},
        "tests": {name_of_test(claim): claim for claim in found.claims},
        "history": runs,
        "trends": trends(runs),
        "related": [each for each in load_answers().values() if each.slug in found.related],
        "trouble": trouble,
    }


def _newest() -> tuple[Mapping[str, Run], str]:
    """The last runs, or why they cannot be read: pages go on with what is recorded."""
    try:
        return newest(load_settings()), ""
    except ServiceDown as error:
        return {}, str(error)


def _history(found: Answer) -> tuple[list[Run], str]:
    try:
        return history(load_settings(), found.slug, RUNS_SHOWN), ""
    except ServiceDown as error:
        return [], str(error)
