"""The console as a native process."""

import sys

from infra.native.command import Command
from infra.native.instance import Instance


def command(_instance: Instance) -> Command:
    """The web page; it waits for nothing, since it says what is down."""
    return Command([sys.executable, "-m", "console.app"])
