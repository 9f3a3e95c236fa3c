"""Running a proof and watching it."""

import json
from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from answers.book import load_answers
from console.access import COOKIE, is_right
from console.proofs import ProofRuns, Proofs, Running
from console.render import page

SEE_OTHER = 303
TOKEN_SECONDS = 30 * 86_400


async def start(request: Request) -> Response:
    """The answer's page, on which the proof now runs.

    Raises: HTTPException 409 while another one runs.
    """
    slug = request.path_params["slug"]
    if slug not in load_answers():
        raise HTTPException(404, f"There is no answer {slug!r}.")
    try:
        await _proofs(request).start(slug)
    except ProofRuns as error:
        raise HTTPException(409, str(error)) from error
    return RedirectResponse(f"/answers/{slug}#proof", SEE_OTHER)


async def stop(request: Request) -> Response:
    """The answer's page, on which nothing runs any more."""
    slug = request.path_params["slug"]
    running = _proofs(request).current
    if running and running.slug == slug:
        await _proofs(request).stop()
    return RedirectResponse(f"/answers/{slug}#proof", SEE_OTHER)


async def output(request: Request) -> Response:
    """The lines of the proof as server-sent events, from its first, and its verdict at the end."""
    running = _proofs(request).current
    if running is None or running.slug != request.path_params["slug"]:
        raise HTTPException(404, "This proof does not run.")
    return StreamingResponse(
        _events(running), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def unlock(request: Request) -> Response:
    """The page it was asked from, with the token kept in a cookie no script can read."""
    form = await request.form()
    token, back = str(form.get("token", "")).strip(), str(form.get("back", "/"))
    if not is_right(request.app.state.token, token):
        return page(request, "locked.html", {"back": back}, 403)
    response = RedirectResponse(back if _is_ours(back) else "/", SEE_OTHER)
    response.set_cookie(COOKIE, token, TOKEN_SECONDS, httponly=True, samesite="strict")
    return response


async def _events(running: Running) -> AsyncIterator[str]:
    async for line in running.output():
        yield f"data: {json.dumps(line)}\n\n"
    yield f"event: end\ndata: {json.dumps(running.verdict)}\n\n"


def _is_ours(path: str) -> bool:
    return path.startswith("/") and not path.startswith(("//", "/\\"))


def _proofs(request: Request) -> Proofs:
    proofs: Proofs = request.app.state.proofs
    return proofs
