"""Prometheus as a native process."""

from pathlib import Path
from urllib.parse import urlsplit

from infra.native.command import Command
from infra.native.install import go_program
from infra.native.instance import Instance

HERE = Path(__file__).parent
RULES = HERE / "rules.yml"
# Prometheus, the exporter, MinIO and Alertmanager: all on one machine.
TARGETS = ("PROMETHEUS_URL", "METRICS_URL", "S3_ENDPOINT", "ALERTMANAGER_URL")


def command(instance: Instance, rules: Path = RULES, interval: str = "15s") -> Command:
    """The server on its own folder, reading all services that speak its format.

    A test has rules that wait for less, and looks more often.
    """
    folder = instance.folder("prometheus")
    hosts = {f"{key}_HOST": urlsplit(instance.values[key]).netloc for key in TARGETS}
    kafka = instance.values["KAFKA_METRICS_PORT"].split(",")
    configuration = instance.render(
        HERE / "prometheus.yml",
        folder / "prometheus.yml",
        INTERVAL=interval,
        RULES=str(rules),
        KAFKA=", ".join(f'"127.0.0.1:{port}"' for port in kafka),
        **hosts,
    )
    return Command(
        [
            str(go_program("prometheus")),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=30d",
            "--storage.tsdb.retention.size=1GB",
            f"--web.listen-address=127.0.0.1:{instance.port('PROMETHEUS_URL')}",
            "--log.level=warn",
        ]
    )
