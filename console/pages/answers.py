"""Search, one answer, and rehearsal."""

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from answers.book import Answer, AnswerError, load_answers
from answers.book import test_name as name_of_test
from answers.evidence import quoted
from answers.runs import Run, recorded
from console.charts import trends
from console.proofs import Proofs
from console.rehearsal import draw, mark
from console.render import page, troubles
from console.search import search
from console.sources import Sources

SEEN_COOKIE, SEEN_SECONDS = "lakeproof_seen", 90 * 86_400


async def index(request: Request) -> Response:
    """All answers, or those that fit what was typed; their list alone when a script asks."""
    book = load_answers().values()
    typed = request.query_params.get("q", "")
    found = search(book, typed)
    sources: Sources = request.app.state.sources
    seen = await sources.newest.look()
    runs, broken = _runs(found, seen.value or {})
    values = {
        "found": found,
        "typed": typed,
        "runs": runs,
        "here": seen.value or {},
        "troubles": [*troubles(seen), *broken],
        "count": len(book),
        "claims_count": sum(len(answer.claims) for answer in book),
    }
    is_fragment = "hx-request" in request.headers
    return page(request, "results.html" if is_fragment else "index.html", values)


async def answer(request: Request) -> Response:
    """An answer with the evidence of its last run and the history of its values."""
    values = await _shown(request, _find(request))
    proofs: Proofs = request.app.state.proofs
    return page(request, "answer.html", {**values, "current": proofs.current})


async def evidence(request: Request) -> Response:
    """The evidence of the last run alone, for the page that just watched it."""
    return page(request, "evidence.html", await _shown(request, _find(request)))


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
    values |= await _shown(request, found)
    response = page(request, "rehearse.html", values)
    kept = ".".join(dict.fromkeys([*seen, mark(found.slug)]))
    response.set_cookie(SEEN_COOKIE, kept, SEEN_SECONDS, httponly=True, samesite="strict")
    return response


def _find(request: Request) -> Answer:
    slug = request.path_params["slug"]
    if slug not in load_answers():
        raise HTTPException(404, f"There is no answer {slug!r}.")
    return load_answers()[slug]


async def _shown(request: Request, found: Answer) -> dict[str, Any]:
    """What the templates of one answer need; without a run here, the recorded one is shown."""
    sources: Sources = request.app.state.sources
    seen = await sources.history(found.slug).look()
    runs = seen.value or []
    kept, broken = _runs([found], {run.slug: run for run in runs[:1]})
    run = kept[found.slug]
    return {
        "answer": found,
        "run": run,
        "is_recorded": not runs,
        "values": quoted(run.evidence) if run else {},
        "tests": {name_of_test(claim): claim for claim in found.claims},
        "history": runs,
        "trends": trends(runs),
        "related": [each for each in load_answers().values() if each.slug in found.related],
        "troubles": [*troubles(seen), *broken],
    }


def _runs(
    answers: Iterable[Answer], here: Mapping[str, Run]
) -> tuple[dict[str, Run | None], list[str]]:
    """The last run of each answer, here or as recorded, and which records cannot be read."""
    runs: dict[str, Run | None] = {}
    broken = []
    for each in answers:
        try:
            runs[each.slug] = here.get(each.slug) or recorded(each)
        except AnswerError as error:
            runs[each.slug] = None
            broken.append(str(error))
    return runs, broken
