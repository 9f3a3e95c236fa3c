"""The exporter of metrics as a native process."""

import sys

from infra.native.command import Command
from infra.native.instance import Instance


def command(instance: Instance, *every_seconds: str) -> Command:
    """The exporter; it waits for nothing, since it says what is down."""
    port = str(instance.port("METRICS_URL"))
    return Command([sys.executable, "-m", "infra.metrics.server", port, *every_seconds])
