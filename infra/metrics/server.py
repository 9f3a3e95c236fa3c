"""`python -m infra.metrics.server <port> [<seconds>]`: the platform's metrics for Prometheus.

The seconds, if given, are those between two looks at each part; a test has less time than people.
"""

import signal
import sys
from dataclasses import replace

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, REGISTRY, start_http_server

from infra.metrics import business, runs, streams, verdicts
from infra.metrics.parts import Part, Watched
from infra.metrics.services import Services
from infra.metrics.tables import Tables
from jobs.settings import Settings, load_settings


def parts(settings: Settings) -> list[Part]:
    """All that is exported. What changes by the minute is not asked for more often."""
    return [
        Part("services", 15, Services(settings).read),
        Part("stream", 15, streams.stream),
        Part("lag", 30, streams.lag),
        Part("capture", 30, streams.slot),
        Part("tables", 60, Tables().read),
        Part("runs", 60, runs.read),
        Part("quality", 60, verdicts.quality),
        Part("proofs", 60, verdicts.proofs),
        Part("ads", 120, business.ads),
        Part("reviews", 120, business.reviews),
    ]


def main(port: int, every_seconds: float | None) -> None:
    """Serve until a signal ends it."""
    settings = load_settings()
    wanted = parts(settings)
    if every_seconds is not None:
        wanted = [replace(part, every_seconds=every_seconds) for part in wanted]
    for unwanted in (GC_COLLECTOR, PLATFORM_COLLECTOR):
        REGISTRY.unregister(unwanted)
    watched = Watched(settings, wanted)
    watched.start()
    REGISTRY.register(watched)
    signal.signal(signal.SIGTERM, lambda *_: watched.ended.set())
    server, _ = start_http_server(port, addr="127.0.0.1")
    watched.ended.wait()
    server.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None)
