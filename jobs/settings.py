"""Where the services are and how to log in: the one place that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path

from jobs.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
MAIN_INSTANCE = "main"


@dataclass(frozen=True)
class Settings:
    """Endpoints, credentials and the namespace all names of one run live in.

    A namespace prefixes lake paths, topics, landing objects and databases, so that tests and
    proofs share the services of an instance without seeing each other's data.
    """

    s3_endpoint: str
    s3_access_key: str = field(repr=False)
    s3_secret_key: str = field(repr=False)
    s3_bucket: str
    kafka_bootstrap_servers: str
    connect_url: str
    connect_user: str
    connect_password: str = field(repr=False)
    schema_registry_url: str
    spark_remote: str
    spark_cluster_url: str
    clickhouse_host: str
    clickhouse_port: int
    clickhouse_user: str
    clickhouse_password: str = field(repr=False)
    clickhouse_analyst_user: str
    clickhouse_analyst_password: str = field(repr=False)
    postgres_dsn: str = field(repr=False)
    shop_api_url: str
    alert_url: str
    airflow_url: str
    airflow_user: str
    airflow_password: str = field(repr=False)
    console_url: str
    console_token: str = field(repr=False)
    metrics_url: str
    prometheus_url: str
    alertmanager_url: str
    instance: str = MAIN_INSTANCE
    namespace: str = ""

    def environment(self) -> dict[str, str]:
        """The environment variables that `settings_from` reads these settings from."""
        return {item.name.upper(): str(getattr(self, item.name)) for item in fields(self)}

    def table_path(self, table: str) -> str:
        """The lake path of `layer.name`."""
        return f"s3a://{self.s3_bucket}/{self.object_key(table.replace('.', '/'))}"

    def object_key(self, key: str) -> str:
        """The key of an object in the bucket."""
        return f"{self.namespace}/{key}" if self.namespace else key

    def topic(self, name: str) -> str:
        """The Kafka topic of a source."""
        return f"{self.namespace}.{name}" if self.namespace else name

    def dead_letter_topic(self, name: str) -> str | None:
        """The Kafka topic of what was refused of a source's messages; None if nobody is told."""
        return f"{self.topic(name)}.dlq"

    def schema(self, name: str) -> str:
        """The Postgres schema of a source."""
        return f"{self.namespace}_{name}" if self.namespace else name

    def database(self, name: str) -> str:
        """The ClickHouse database of a layer."""
        return f"{self.namespace}_{name}" if self.namespace else name


def env_file(instance: str) -> Path:
    """The file that holds an instance's endpoints and secrets."""
    return ROOT / ".env" if instance == MAIN_INSTANCE else state_dir(instance) / ".env"


def state_dir(instance: str) -> Path:
    """The folder that holds all an instance writes."""
    return ROOT / ".state" / instance


def read_env_file(path: Path) -> dict[str, str]:
    """The KEY=value lines of a file; comments and blank lines aside.

    Raises: SettingsError if the file is missing or a line is no assignment.
    """
    if not path.exists():
        raise SettingsError(f"{path} does not exist. `make up` writes it at the first start.")
    values: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, separator, value = line.partition("=")
        if not separator:
            raise SettingsError(f"{path}:{number} is not KEY=value: {key[:40]!r}. Mend the line.")
        values[key.strip()] = value.strip()
    return values


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Settings out of environment variables named like the fields, in capitals.

    Raises: SettingsError naming every variable that is missing.
    """
    values: dict[str, str | int] = {}
    missing = []
    for spec in fields(Settings):
        key = spec.name.upper()
        if environ.get(key):
            values[spec.name] = int(environ[key]) if spec.type is int else environ[key]
        elif spec.name not in ("instance", "namespace"):
            missing.append(key)
    if missing:
        raise SettingsError(
            f"The environment lacks {', '.join(missing)}. "
            f"`make up` writes them to .env; .env.example says what each is for."
        )
    return Settings(**values)  # type: ignore[arg-type]


@cache
def load_settings() -> Settings:
    """The settings of the instance that INSTANCE names; the environment overrides its .env file."""
    instance = os.environ.get("INSTANCE", MAIN_INSTANCE)
    path = env_file(instance)
    stored = read_env_file(path) if path.exists() else {}
    return settings_from({"INSTANCE": instance, **stored, **os.environ})
