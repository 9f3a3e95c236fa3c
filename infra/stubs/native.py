"""The stubs of the ad platforms and the CRM as a native process."""

import sys

from infra.native.command import Command
from infra.native.instance import Instance


def command(instance: Instance) -> Command:
    """The server, which keeps what it was told in its state folder."""
    folder, port = instance.folder("stubs"), instance.port("SHOP_API_URL")
    return Command([sys.executable, "-m", "infra.stubs.server", str(port), str(folder)])
