"""The stream's process, natively."""

import sys

from infra.native.command import Command, wait_for_port
from infra.native.instance import Instance


def command(instance: Instance) -> Command:
    """The process, once the database listens that holds what is wanted of it."""
    wait_for_port(instance.port("POSTGRES_DSN"))
    return Command([sys.executable, "-m", "jobs.stream"])
