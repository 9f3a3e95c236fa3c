"""The receiver of alerts as a native process."""

import sys

from infra.native.command import Command
from infra.native.instance import Instance


def command(instance: Instance) -> Command:
    """The server, which keeps what it was told in its state folder."""
    folder, port = instance.folder("alerts"), instance.port("ALERT_URL")
    return Command([sys.executable, "-m", "infra.alerts.server", str(port), str(folder)])
