"""The stream's process, natively."""

import sys

from infra.native.command import Command, wait_for_port
from infra.native.instance import Instance

POSTGRES_SECONDS = 60


def command(instance: Instance) -> Command:
    """The process, once the database listens that holds what is wanted of it."""
    wait_for_port("postgres", instance.port("POSTGRES_DSN"), POSTGRES_SECONDS)
    return Command([sys.executable, "-m", "jobs.stream"])
