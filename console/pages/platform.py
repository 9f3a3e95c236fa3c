"""The pipeline, the system, and the guided tour."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import requests
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from console.lineage import drawing
from console.render import page
from console.tables import pipeline
from console.tour import stops
from infra.native import instance, status
from jobs import capture
from jobs.errors import LakeproofError
from jobs.settings import Settings, load_settings
from jobs.specs import load_specs
from jobs.stream import control, freshness


@dataclass(frozen=True)
class Lag:
    """How far behind something is. `is_well` is None where that is no question."""

    what: str
    value: str
    is_well: bool | None = None


async def tables(request: Request) -> Response:
    """Every table with freshness, rows, last run, gate, balance; lineage; quarantine by reason."""
    try:
        found, trouble = await run_in_threadpool(pipeline, load_settings()), ""
    except LakeproofError as error:
        found, trouble = None, str(error)
    values = {"pipeline": found, "trouble": trouble, "drawing": drawing(load_specs())}
    return page(request, "pipeline.html", values)


async def system(request: Request) -> Response:
    """Services with state and memory, and what is behind by how much."""
    name = instance.current_name()
    rows, trouble = await run_in_threadpool(_services, name)
    lags = await run_in_threadpool(_lags, load_settings())
    values = {"rows": rows, "trouble": trouble, "lags": lags, "instance": name}
    return page(request, "system.html", values)


async def tour(request: Request) -> Response:
    """Twenty minutes through the platform, stop by stop."""
    return page(request, "tour.html", {"stops": stops()})


def _services(name: str) -> tuple[list[status.Row], str]:
    try:
        return status.rows(instance.load(name)), ""
    except LakeproofError as error:
        return [], str(error)


def _lags(settings: Settings) -> list[Lag]:
    found = []
    for what, look in (("the stream", _stream), ("capture of the shop's database", _capture)):
        try:
            found += look(settings)
        except (LakeproofError, requests.RequestException) as error:
            found.append(Lag(what, str(error), False))
    return found


def _stream(settings: Settings) -> list[Lag]:
    now = control.status(settings)
    since = datetime.now(UTC) - timedelta(hours=1)
    waits = freshness.waits(settings, since).items()
    return [
        Lag("the stream", f"{now.state}, {now.wanted} is wanted", not now.fault),
        Lag("its last sign of life", f"{now.beat_seconds:.0f} s ago", not now.fault),
        *(Lag(f"orders of the last hour readable in {place}", w.line()) for place, w in waits),
    ]


def _capture(settings: Settings) -> list[Lag]:
    now = capture.progress(settings)
    return [
        Lag("capture of the shop's database", now.state, now.state == "RUNNING"),
        Lag("log the database keeps for it", f"{now.retained_bytes / 1024:,.0f} KiB"),
        Lag("log it has not read", f"{now.behind_bytes / 1024:,.0f} KiB"),
    ]
