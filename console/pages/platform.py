"""The pipeline, the system, and the guided tour."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from console.lags import Lag
from console.lineage import drawing
from console.render import page, troubles
from console.source import Source
from console.sources import Sources
from console.tour import stops
from jobs.specs import load_specs


async def tables(request: Request) -> Response:
    """Every table with freshness, rows, last run, gate, balance; lineage; quarantine by reason."""
    sources: Sources = request.app.state.sources
    seen = await sources.logs.look()
    values = {
        "pipeline": sources.tables.now(),
        "said": troubles(seen),
        "is_late": seen.is_late,
        "drawing": drawing(load_specs()),
    }
    return page(request, "pipeline.html", values)


async def system(request: Request) -> Response:
    """Services with state and memory, and what is behind by how much."""
    sources: Sources = request.app.state.sources
    services, lags = await asyncio.gather(
        sources.services.look(),
        asyncio.gather(*(_lags(what, each) for what, each in sources.lags.items())),
    )
    values = {
        "rows": services.value,
        "troubles": troubles(services),
        "lags": [lag for some in lags for lag in some],
        "instance": sources.instance,
    }
    return page(request, "system.html", values)


async def tour(request: Request) -> Response:
    """Twenty minutes through the platform, stop by stop."""
    return page(request, "tour.html", {"stops": stops()})


async def _lags(what: str, source: Source[list[Lag]]) -> list[Lag]:
    """What is known of them, and why it is not more."""
    seen = await source.look()
    return [*(Lag(what, said, False) for said in troubles(seen)), *(seen.value or [])]
