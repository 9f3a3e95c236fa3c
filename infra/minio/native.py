"""MinIO as a native process."""

from infra.native.command import Command
from infra.native.install import go_program
from infra.native.instance import Instance


def command(instance: Instance, port: int | None = None) -> Command:
    """The server on one folder, with the env file's user and password.

    On another port if one is given: then a proxy has its own.
    """
    return Command(
        [
            str(go_program("minio")),
            "server",
            str(instance.folder("minio")),
            f"--address=127.0.0.1:{port or instance.port('S3_ENDPOINT')}",
            f"--console-address=127.0.0.1:{instance.port('S3_CONSOLE_PORT')}",
        ],
        {
            "MINIO_ROOT_USER": instance.values["S3_ACCESS_KEY"],
            "MINIO_ROOT_PASSWORD": instance.values["S3_SECRET_KEY"],
            "MINIO_UPDATE": "off",
            # On loopback, and figures only: Prometheus needs no login for them.
            "MINIO_PROMETHEUS_AUTH_TYPE": "public",
        },
    )
