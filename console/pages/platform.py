"""The pipeline, the system, and the guided tour."""

import asyncio
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from console.lags import Lag
from console.lineage import drawing
from console.render import page, troubles
from console.source import NOW, Seen
from console.sources import Sources
from console.tour import stops
from jobs.specs import load_specs

AGAIN = timedelta(seconds=3)


async def tables(request: Request) -> Response:
    """Every table with freshness, rows, last run, gate, balance; lineage; quarantine by reason."""
    sources: Sources = request.app.state.sources
    seen = await sources.logs.look(_newest(request))
    values = {
        "pipeline": sources.tables.now(),
        "troubles": troubles(seen),
        "is_awaited": seen.is_awaited,
        "drawing": drawing(load_specs()),
    }
    return page(request, "pipeline.html", values)


async def system(request: Request) -> Response:
    """Services with state and memory, and what is behind by how much."""
    sources: Sources = request.app.state.sources
    newest = _newest(request)
    lags_later = asyncio.gather(*(each.look(newest) for each in sources.lags.values()))
    services, lags = await sources.services.look(newest), await lags_later
    values = {
        "rows": services.value,
        "troubles": troubles(services),
        "lags": [
            lag for what, seen in zip(sources.lags, lags, strict=True) for lag in _known(what, seen)
        ],
        "is_awaited": services.is_awaited or any(seen.is_awaited for seen in lags),
        "instance": sources.instance,
    }
    return page(request, "system.html", values)


async def tour(request: Request) -> Response:
    """Twenty minutes through the platform, stop by stop."""
    return page(request, "tour.html", {"stops": stops()})


def _newest(request: Request) -> timedelta:
    """A page that asks again by itself takes the answer that came meanwhile."""
    return AGAIN if "hx-request" in request.headers else NOW


def _known(what: str, seen: Seen[list[Lag]]) -> list[Lag]:
    """The lags that are known, and why they are not of now."""
    is_well = None if seen.is_late else False
    return [*(Lag(what, said, is_well) for said in troubles(seen)), *(seen.value or [])]
