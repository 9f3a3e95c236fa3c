"""The schema registry (Apicurio) as a native process, its schemas in a database of its own."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from infra.native.command import Command, java, wait_for_port
from infra.native.install import registry_folder
from infra.native.instance import Instance
from infra.postgres.access import connect
from jobs.errors import LakeproofError

HERE = Path(__file__).parent
DATABASE = "registry"
# Without the second compiler it starts in less than half the time; it has little to compute.
OPTIONS = ["-Xms32m", "-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def command(instance: Instance) -> Command:
    """The registry, once its database is there.

    Raises: ServiceDown if Postgres does not answer.
    """
    address = urlsplit(instance.values["POSTGRES_DSN"])
    properties = instance.render(
        HERE / "registry.properties",
        instance.folder("registry") / "registry.properties",
        PORT=str(instance.port("SCHEMA_REGISTRY_URL")),
        POSTGRES=f"{address.hostname}:{address.port}",
        USER=unquote(address.username or ""),
    )
    wait_for_port(instance.port("POSTGRES_DSN"))
    _create_database(instance)
    return Command(
        [java(), *OPTIONS, f"-Dquarkus.config.locations={properties}", "-jar", str(_program())],
        {"POSTGRES_PASSWORD": unquote(address.password or "")},
    )


def _create_database(instance: Instance) -> None:
    connection = connect(instance, "postgres")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
    if cursor.fetchone() is None:
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    connection.close()


def _program() -> Path:
    folder = registry_folder()
    for found in folder.glob("*-runner.jar"):
        return found
    raise LakeproofError(f"{folder} holds no registry. Delete the folder and run `make up`.")
