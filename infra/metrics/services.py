"""Which services answer a real request."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from importlib import import_module

from prometheus_client.metrics_core import Metric

from infra.metrics.parts import gauge
from infra.native.health import ANSWER_SECONDS, CHECKS
from infra.native.services import services
from jobs.settings import Settings

OURSELVES = "metrics"  # whether the exporter is up, Prometheus sees by itself


class Services:
    """Asks all services at once; who has not answered in time is down.

    A service is asked again only when it has answered: one that hangs keeps one thread.
    """

    def __init__(self, settings: Settings) -> None:
        # Imported by the threads of two checks at once, it may be found half-made.
        import_module("pyspark.sql.connect.session")
        brokers = settings.kafka_bootstrap_servers.count(",") + 1
        self._names = [s.name for s in services(brokers) if s.name != OURSELVES]
        self._pool = ThreadPoolExecutor(len(self._names))
        self._asked: dict[str, Future[None]] = {}

    def read(self, settings: Settings) -> Iterator[Metric]:
        """1 for each service that is healthy, 0 for each that is not."""
        for name in self._names:
            if name not in self._asked or self._asked[name].done():
                self._asked[name] = self._pool.submit(CHECKS[name], settings)
        wait(self._asked.values(), timeout=ANSWER_SECONDS)
        up = {(name,): float(_is_up(asked)) for name, asked in self._asked.items()}
        about = "Whether the service answers a real request"
        yield gauge("lakeproof_service_up", about, ["service"], up)


def _is_up(asked: Future[None]) -> bool:
    return asked.done() and asked.exception() is None
