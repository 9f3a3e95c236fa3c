"""A Kafka broker as a native process."""

import base64
import shutil
import subprocess
import uuid
from pathlib import Path

from infra.native.command import Command, java
from infra.native.install import kafka_jars
from infra.native.instance import Instance
from jobs.errors import LakeproofError

HERE = Path(__file__).parent
LOG4J = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"


def command(instance: Instance) -> Command:
    """The broker on its formatted folder."""
    folder = instance.folder("kafka")
    data = folder / "data"
    if not data.exists():
        _format(instance, folder, data)
    properties = _properties(instance, folder / "server.properties", data)
    heap = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"]
    return Command([*_java(folder, heap), "kafka.Kafka", str(properties)])


def _format(instance: Instance, folder: Path, data: Path) -> None:
    draft = folder / "data.unfinished"
    shutil.rmtree(draft, ignore_errors=True)
    properties = _properties(instance, folder / "format.properties", draft)
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    arguments = ["format", "--standalone", "-t", cluster, "-c", str(properties)]
    done = subprocess.run(
        [*_java(folder, ["-Xmx128m"]), "kafka.tools.StorageTool", *arguments],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LakeproofError(f"Kafka could not format {draft}:\n{done.stdout}{done.stderr}")
    draft.rename(data)


def _properties(instance: Instance, target: Path, data: Path) -> Path:
    return instance.render(HERE / "server.properties", target, DATA=str(data))


def _java(folder: Path, options: list[str]) -> list[str]:
    return [java(), *options, LOG4J, f"-Dkafka.logs.dir={folder}", "-cp", f"{kafka_jars()}/*"]
