"""The receiver of alerts as a native process."""

import sys

from infra.native.command import Command
from infra.native.instance import Instance


def command(instance: Instance) -> Command:
    """The server, which keeps what it was told in its state folder."""
    ports = [str(instance.port(key)) for key in ("ALERT_URL", "ALERT_SMTP")]
    folder = instance.folder("alerts")
    return Command([sys.executable, "-m", "infra.alerts.server", *ports, str(folder)])
