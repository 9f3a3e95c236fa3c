"""What is behind, and by how much."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg2.errors import UndefinedTable

from console.render import ago
from jobs import capture
from jobs.settings import Settings
from jobs.stream import control, freshness


@dataclass(frozen=True)
class Lag:
    """How far behind something is. `is_well` is None where that is no question."""

    what: str
    value: str
    is_well: bool | None = None


STREAM, CAPTURE = "the stream", "capture of the shop's database"


def stream_lags(settings: Settings) -> list[Lag]:
    """Those of the stream.

    Raises: ServiceDown.
    """
    since = datetime.now(UTC) - timedelta(hours=1)
    try:
        now = control.status(settings)
        waits = freshness.waits(settings, since).items()
    except UndefinedTable:
        return [Lag(STREAM, "its process has not begun yet; it does at the end of `make up`")]
    return [
        Lag(STREAM, f"{now.state}, {now.wanted} is wanted", not now.fault),
        Lag("its last sign of life", ago(now.beat_seconds), not now.fault),
        *(Lag(f"orders of the last hour readable in {place}", w.line()) for place, w in waits),
    ]


def capture_lags(settings: Settings) -> list[Lag]:
    """Those of the capture of changes.

    Raises: ServiceDown; LakeproofError if nothing is captured.
    """
    now = capture.progress(settings)
    return [
        Lag(CAPTURE, now.state, now.state == "RUNNING"),
        Lag("log the database keeps for it", f"{now.retained_bytes / 1024:,.0f} KiB"),
        Lag("log it has not read", f"{now.behind_bytes / 1024:,.0f} KiB"),
    ]
