"""The ClickHouse engine as a native process."""

import sys

from infra.native.command import Command
from infra.native.instance import Instance


def command(instance: Instance) -> Command:
    """The server that owns the engine; it reads its endpoint and users from the environment."""
    return Command(
        [sys.executable, "-m", "infra.clickhouse.server"],
        {"CLICKHOUSE_PATH": str(instance.folder("clickhouse"))},
    )
