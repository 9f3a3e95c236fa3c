"""All that the pages ask services for."""

from functools import cached_property

from answers.runs import Run, history, newest
from console.lags import CAPTURE, STREAM, Lag, capture_lags, stream_lags
from console.source import Source
from console.tables import Tables
from infra.native import instance, status
from jobs.settings import Settings
from jobs.specs import load_specs

RUNS_SHOWN = 20
POSTGRES = "make logs S=postgres"


class Sources:
    """One of each, shared by all pages and all who look at them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.instance = settings.instance
        self._histories: dict[str, Source[list[Run]]] = {}
        self.logs = Source("the tables' logs", "make logs S=minio", lambda: self.tables.read())
        self.newest = Source("the runs of proofs", POSTGRES, lambda: newest(settings))
        self.services = Source(
            "the supervisor",
            "make status",
            lambda: status.rows(instance.load(settings.instance)),
        )
        self.lags: dict[str, Source[list[Lag]]] = {
            STREAM: Source(STREAM, POSTGRES, lambda: stream_lags(settings)),
            CAPTURE: Source(CAPTURE, "make logs S=connect", lambda: capture_lags(settings)),
        }

    @cached_property
    def tables(self) -> Tables:
        """What is known of the tables.

        Raises: SpecError.
        """
        return Tables(self._settings, load_specs())

    def history(self, slug: str) -> Source[list[Run]]:
        """The last runs of a proof."""

        def ask() -> list[Run]:
            return history(self._settings, slug, RUNS_SHOWN)

        return self._histories.setdefault(slug, Source("the runs of proofs", POSTGRES, ask))
