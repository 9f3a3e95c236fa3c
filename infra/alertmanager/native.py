"""Alertmanager as a native process."""

from pathlib import Path

from infra.native.command import Command
from infra.native.install import go_program
from infra.native.instance import Instance

HERE = Path(__file__).parent


def command(instance: Instance) -> Command:
    """The server on its own folder, telling the stack's own receivers."""
    folder = instance.folder("alertmanager")
    configuration = instance.render(
        HERE / "alertmanager.yml",
        folder / "alertmanager.yml",
        GROUP_WAIT="10s",
        GROUP_INTERVAL="1m",
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
