"""Alertmanager as a native process."""

from pathlib import Path

from infra.native.command import Command
from infra.native.install import go_program
from infra.native.instance import Instance

HERE = Path(__file__).parent


def command(instance: Instance, group_wait: str = "10s", group_interval: str = "1m") -> Command:
    """The server on its own folder, telling the stack's own receivers.

    It waits for others of a group before it tells of them, first and each time; a test does not.
    """
    folder = instance.folder("alertmanager")
    configuration = instance.render(
        HERE / "alertmanager.yml",
        folder / "alertmanager.yml",
        GROUP_WAIT=group_wait,
        GROUP_INTERVAL=group_interval,
    )
    return Command(
        [
            str(go_program("alertmanager")),
            f"--config.file={configuration}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{instance.port('ALERTMANAGER_URL')}",
            "--cluster.listen-address=",  # it is alone
            "--log.level=warn",
        ]
    )
