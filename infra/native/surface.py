"""What of an instance others could reach: its ports, its env file, its passwords.

Like the doctor, which prints it, it needs nothing but Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from infra.native.doctor import Finding
from infra.native.instance import MARKER, Instance
from infra.native.keys import secrets_in
from infra.native.sockets import environment_has, open_files
from infra.native.sockets import listening as all_listening
from jobs.settings import env_file

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
SECRET_LENGTH = 40
# Who has an account on this machine may use these; docs/decisions/exposed-surface.md says more.
WITHOUT_LOGIN = {
    "KAFKA_BOOTSTRAP_SERVERS": "Kafka",
    "KAFKA_CONTROLLER_PORT": "Kafka's controller",
    "KAFKA_METRICS_PORT": "Kafka's metrics",
    "SCHEMA_REGISTRY_URL": "the schema registry",
    "SPARK_REMOTE": "Spark Connect",
    "SPARK_UI_PORT": "Spark's page",
    "SPARK_CLUSTER_URL": "the page of Spark's workers",
    "ALERT_URL": "alerts",
    "ALERT_SMTP": "alerts by mail",
    "METRICS_URL": "metrics",
    "PROMETHEUS_URL": "Prometheus",
    "ALERTMANAGER_URL": "Alertmanager",
}


@dataclass(frozen=True)
class Listener:
    """A port that a process of the instance listens on."""

    pid: int
    address: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return ip_address(self.address).is_loopback


def listeners(instance: Instance) -> list[Listener]:
    """Every port on which a process of the instance listens; none where no /proc tells."""
    if not PORT_RANGE.exists():
        return []
    sockets, mark = all_listening(), f"{MARKER}={instance.state}"
    pids = (int(process.name) for process in Path("/proc").iterdir() if process.name.isdigit())
    return [
        Listener(pid, *sockets[socket])
        for pid in sorted(pids)
        if environment_has(pid, mark)
        for socket in sorted(open_files(Path("/proc", str(pid))) & sockets.keys())
    ]


def undeclared(instance: Instance, found: list[Listener]) -> list[Listener]:
    """Those of them that no key names and that the system did not choose for the moment either.

    Spark's driver is found by such passing ports.
    """
    if not found:
        return []
    first, last = map(int, PORT_RANGE.read_text().split())
    declared = {*instance.ports().values(), *range(first, last + 1)}
    return [each for each in found if each.port not in declared]


def findings(instance: Instance, found: list[Listener]) -> Iterator[Finding]:
    """What stands open that should not, its listeners among it."""
    remote = [each for each in found if not each.is_local]
    for each in {*remote, *undeclared(instance, found)}:
        why = "for other machines" if each in remote else "a port that no key of the env file names"
        problem = f"process {each.pid} listens on {each.address}:{each.port}, {why}"
        yield Finding(problem, f"See what it is (`ps {each.pid}`), or `make down`.", False)
    file = env_file(instance.name)
    if file.stat().st_mode & 0o077:
        yield Finding(f"others may read {file}", f"chmod 600 {file}", False)
    if weak := weak_secrets(instance):
        remedy = "Choose longer ones, or let `make reset` and `make up` make new ones."
        yield Finding(f"{file}: too short for a password: {', '.join(weak)}", remedy, False)


def weak_secrets(instance: Instance) -> list[str]:
    """The keys of passwords that somebody made shorter than ours, or took from the example."""
    found = secrets_in(instance.values).items()
    return [name for name, secret in found if len(secret) < SECRET_LENGTH]


def summary(instance: Instance, listening: list[Listener]) -> str:
    """A line for people."""
    if not PORT_RANGE.exists():
        return "security not checked: this system has no /proc to see ports in"
    found = {each.port for each in listening}
    named = {key: port for key, port in instance.ports().items() if port in found}
    open_ones = [what for key, what in WITHOUT_LOGIN.items() if key in named]
    return (
        f"security {len(named)} of {len(found)} listening ports are named in the env file; "
        f"without a login, for whoever has an account here: {', '.join(open_ones) or 'none'}"
    )
