"""The platform as containers: what `make up` and the others do when RUNTIME is docker."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

from infra.native import keys
from infra.native.creation import load_or_create, wanted_brokers
from infra.native.health import CHECKS
from infra.native.instance import Instance, load
from jobs.errors import LakeproofError, SettingsError
from jobs.settings import MAIN_INSTANCE, ROOT, env_file, settings_from

START_SECONDS = 900
# What people tell make in variables, handed on to commands that run in a container.
HANDED_ON = ("A", "T", "ORDERS", "SPEED", "DAYS")


class ComposeFailed(LakeproofError):
    """Docker Compose did not do what it was asked; what it said stands above."""


def up(name: str) -> None:
    """Build, start and wait until every container is healthy and answers the host as well.

    Raises: ComposeFailed; ServiceDown naming the service that does not answer.
    """
    instance = load_or_create(name, wanted_brokers())
    if instance.brokers > 1:
        raise SettingsError("The containers have one Kafka broker. BROKERS=3 is native only.")
    _compose(instance, "up", "--detach", "--build", "--wait", f"--wait-timeout={START_SECONDS}")
    settings = settings_from({**instance.values, "INSTANCE": name})
    for service in _running(instance) & set(CHECKS):
        CHECKS[service](settings)
        print(f"healthy  {service}", flush=True)
    _compose(instance, "exec", "-T", "console", "python", "-m", "infra.docker.prepare")
    print(f"\nUp in containers. Addresses, users and passwords are in {env_file(name)}.")


def down(name: str) -> None:
    """Remove the containers; their volumes stay."""
    _compose(load(name), "down", profiles="*")


def reset(name: str) -> None:
    """Remove the containers and all their data."""
    _compose(load(name), "down", "--volumes", "--remove-orphans", profiles="*")


def status(name: str) -> None:
    """Print what runs."""
    _compose(load(name), "ps", "--all", profiles="*")


def logs(name: str) -> None:
    """Print the logs of the service S, or of all; FOLLOW=1 goes on."""
    follow = ["--follow"] if os.environ.get("FOLLOW") else []
    wanted = [service] if (service := os.environ.get("S")) else []
    _compose(load(name), "logs", "--tail=200", *follow, *wanted, profiles="*")


def run(name: str, module: str, *arguments: str) -> None:
    """Run one of the platform's own commands where its services have their addresses."""
    given = [f"--env={key}={os.environ[key]}" for key in HANDED_ON if key in os.environ]
    terminal = [] if sys.stdin.isatty() else ["-T"]
    _compose(load(name), "exec", *terminal, *given, "console", "python", "-m", module, *arguments)


COMMANDS: Mapping[str, Callable[[str], None]] = {
    "up": up, "down": down, "reset": reset, "status": status, "logs": logs,
}  # fmt: skip


def derived(values: Mapping[str, str]) -> dict[str, str]:
    """What docker-compose.yml needs of an env file and cannot take out of its values by itself."""
    found = {
        key if key.endswith("_PORT") else f"{key}_PORT": str(port)
        for key, port in keys.ports(values).items()
    }
    found["POSTGRES_PASSWORD"] = unquote(urlsplit(values["POSTGRES_DSN"]).password or "")
    return found


def project(name: str) -> str:
    """The compose project of an instance: containers, network and volumes of no other."""
    return "lakeproof" if name == MAIN_INSTANCE else f"lakeproof-{name}"


def _running(instance: Instance) -> set[str]:
    return set(_compose(instance, "ps", "--services", output=subprocess.PIPE).split())


def _compose(
    instance: Instance, *arguments: str, profiles: str = "", output: int | None = None
) -> str:
    command = ["docker", "compose", f"--project-name={project(instance.name)}",
               f"--env-file={env_file(instance.name)}", *arguments]  # fmt: skip
    wanted = profiles or os.environ.get("COMPOSE_PROFILES") or "core"
    own = {**instance.values, **derived(instance.values), "COMPOSE_PROFILES": wanted}
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **own}, stdout=output, encoding="utf-8"
    )
    if done.returncode:
        raise ComposeFailed(f"`{' '.join(command)}` ended with {done.returncode}.")
    return done.stdout or ""
