"""One running copy of the platform: its folder, its env file, its ports."""

import fcntl
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import IO

from infra.native import keys
from infra.native.services import BROKERS, WORKERS, Service, services
from jobs.errors import SettingsError
from jobs.settings import MAIN_INSTANCE, ROOT, env_file, read_env_file, state_dir

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
MARKER = "LAKEPROOF_STATE"
FOREIGN_SETTINGS = re.compile(
    "(AIRFLOW|SPARK|PYSPARK|MINIO|KAFKA|CONNECT|CLICKHOUSE|POSTGRES|S3|PG|LAKEPROOF_STATE|PYTHONPATH|"
    "_JAVA_OPTIONS|JDK_JAVA_OPTIONS|HADOOP|SCHEMA_REGISTRY|APICURIO|QUARKUS)"
)


@dataclass(frozen=True)
class Instance:
    """The state folder and the values of the env file, which are the only source of ports.

    How many brokers it has, the env file says by listing their addresses; the workers it counts.
    """

    name: str
    state: Path
    values: Mapping[str, str]
    services: tuple[Service, ...]

    @property
    def brokers(self) -> int:
        """The number of Kafka brokers."""
        return self.values["KAFKA_BOOTSTRAP_SERVERS"].count(",") + 1

    @property
    def workers(self) -> int:
        """The number of Spark's worker processes."""
        return int(self.values["SPARK_WORKERS"])

    def port(self, key: str, number: int = 1) -> int:
        """The port inside the value of a key; if that is a list, inside the entry of the number."""
        return keys.ports_of(key, self.values[key])[number - 1]

    def ports(self) -> dict[str, int]:
        """Every port that is the instance's, by the key that holds it; not each is always used."""
        return keys.ports(self.values)

    def environment(self) -> dict[str, str]:
        """The environment of every process of the instance.

        The marker names the state folder: by it `down` and `status` know their processes.
        """
        kept = {k: v for k, v in os.environ.items() if not FOREIGN_SETTINGS.match(k)}
        return {
            **kept,
            **self.values,
            "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "INSTANCE": self.name,
            MARKER: str(self.state),
            "PYTHONPATH": str(ROOT),
            "SPT_NOENV": "1",  # keeps Airflow's process titles from overwriting the marker
        }

    def folder(self, *parts: str) -> Path:
        """A private folder inside the state folder, made if it is not there."""
        path = self.state
        for part in parts:
            path = path / part
            path.mkdir(mode=0o700, exist_ok=True)
        return path

    def render(self, template: Path, target: Path, **more: str) -> Path:
        """A template's text with the env file's values filled in, readable by us alone.

        Raises: KeyError if the template names a value that nobody gives.
        """
        text = Template(template.read_text()).substitute(self.values, STATE=self.state, **more)
        return write_private(target, text)


def write_private(target: Path, text: str) -> Path:
    """The file, complete or not there at all, and mode 600 before its first byte."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(target)
    return target


def current_name() -> str:
    """The instance named by INSTANCE.

    Raises: SettingsError if the name could lead out of the state folder.
    """
    name = os.environ.get("INSTANCE") or MAIN_INSTANCE
    if not NAME.fullmatch(name):
        raise SettingsError(
            f"INSTANCE={name!r} is no instance name: use lower-case letters, digits and '-'."
        )
    return name


def load(name: str) -> Instance:
    """An instance that was started before.

    Raises: SettingsError if its env file is missing, lacks a key or holds an unknown one.
    """
    path = env_file(name)
    values = read_env_file(path)
    _refuse_unknown(path, values)
    if missing := [key.name for key in keys.KEYS if not values.get(key.name)]:
        raise SettingsError(
            f"{path} lacks {', '.join(missing)}. .env.example says what each is; `make up` adds "
            "those without a password."
        )
    for key in keys.PORT_KEYS:
        _require_port(path, key, values[key])
    counts = {values[key].count(",") + 1 for key in keys.BROKER_KEYS}
    if len(counts) > 1 or not counts <= set(BROKERS):
        raise SettingsError(f"{path}: {' and '.join(keys.BROKER_KEYS)} must both list 1 or 3.")
    if values["SPARK_WORKERS"] not in map(str, WORKERS):
        raise SettingsError(f"{path}: SPARK_WORKERS must be 0 or 2.")
    found = services(counts.pop(), int(values["SPARK_WORKERS"]))
    return Instance(name, state_dir(name), values, found)


def make_state_folder(state: Path) -> None:
    """The state folder: others may pass through (Postgres runs as another user) but not list."""
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o711)


@contextmanager
def lock() -> Iterator[None]:
    """One `up`, `down` or `reset` at a time: they choose ports and share the cache."""
    folder = state_dir(MAIN_INSTANCE).parent
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as file:
        _wait_for(file)
        yield


def digest(*texts: str) -> str:
    """A short name for contents: equal contents, equal name."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _wait_for(file: IO[str]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("waiting for another make up, down or reset to end ...", flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)


def _refuse_unknown(path: Path, values: Mapping[str, str]) -> None:
    unknown = set(values) - {key.name for key in keys.KEYS}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if (key := line.partition("=")[0].strip()) in unknown:
            raise SettingsError(
                f"{path}:{number} sets {key}, which nothing reads. "
                f"Remove the line or correct the name; .env.example lists every key."
            )


def _require_port(path: Path, key: str, value: str) -> None:
    try:
        keys.ports_of(key, value)
    except ValueError:
        raise SettingsError(f"{path}: {key} holds no port. Write it as in .env.example.") from None
