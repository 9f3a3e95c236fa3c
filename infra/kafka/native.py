"""Kafka as native processes: a broker, or three that know each other."""

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
AGENT = "jmx_prometheus_javaagent-1.0.1.jar"  # of pom.xml
# Of each broker, by how many there are: its heap, and what of that compaction takes for itself.
# It takes it twice for a moment when it is configured anew.
HEAP_MIB = {1: 512, 3: 320}
CLEANER_MIB = {1: 128, 3: 16}


def command(instance: Instance) -> Command:
    """The first broker on its formatted folder."""
    return _broker(instance, 1, instance.folder("kafka"))


def component(instance: Instance, number: str) -> Command:
    """One of the other brokers on its formatted folder."""
    return _broker(instance, int(number), instance.folder(f"kafka-{number}"))


def _broker(instance: Instance, number: int, folder: Path) -> Command:
    data = folder / "data"
    if not data.exists():
        _format(instance, number, folder, data)
    properties = _properties(instance, number, folder / "server.properties", data)
    heap = ["-Xms256m", f"-Xmx{HEAP_MIB[instance.brokers]}m", "-XX:+UseSerialGC"]
    return Command(
        [*_java(folder, [*heap, _agent(instance, number)]), "kafka.Kafka", str(properties)]
    )


def _agent(instance: Instance, number: int) -> str:
    port = instance.port("KAFKA_METRICS_PORT", number)
    return f"-javaagent:{kafka_jars() / AGENT}=127.0.0.1:{port}:{HERE / 'metrics.yml'}"


def _format(instance: Instance, number: int, folder: Path, data: Path) -> None:
    draft = folder / "data.unfinished"
    shutil.rmtree(draft, ignore_errors=True)
    properties = _properties(instance, number, folder / "format.properties", draft)
    voters = ",".join(
        f"{each}@{address}:{_uuid(instance, f'controller {each}')}"
        for each, address in enumerate(_controllers(instance), 1)
    )
    # Joined by "=": a value may begin with "-".
    arguments = [f"--cluster-id={_uuid(instance, 'cluster')}", f"--initial-controllers={voters}"]
    done = subprocess.run(
        [*_java(folder, ["-Xmx128m"]), "kafka.tools.StorageTool", "format",
         *arguments, f"--config={properties}"],
        capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode:
        raise LakeproofError(f"Kafka could not format {draft}:\n{done.stdout}{done.stderr}")
    draft.rename(data)


def _uuid(instance: Instance, of: str) -> str:
    """What every broker of the instance comes to by itself, as Kafka writes it."""
    found = uuid.uuid5(uuid.NAMESPACE_URL, f"{instance.state} {of}")
    return base64.urlsafe_b64encode(found.bytes).decode().rstrip("=")


def _controllers(instance: Instance) -> list[str]:
    numbers = range(1, instance.brokers + 1)
    return [f"127.0.0.1:{instance.port('KAFKA_CONTROLLER_PORT', number)}" for number in numbers]


def _properties(instance: Instance, number: int, target: Path, data: Path) -> Path:
    controllers = _controllers(instance)
    return instance.render(
        HERE / "server.properties",
        target,
        NODE=str(number),
        BROKER=instance.values["KAFKA_BOOTSTRAP_SERVERS"].split(",")[number - 1],
        CONTROLLER=controllers[number - 1],
        CONTROLLERS=",".join(controllers),
        REPLICAS=str(instance.brokers),
        # One of them may be dead: a majority, so that two halves can never both say yes.
        IN_SYNC=str(instance.brokers // 2 + 1),
        CLEANER_BYTES=str(CLEANER_MIB[instance.brokers] << 20),
        DATA=str(data),
    )


def _java(folder: Path, options: list[str]) -> list[str]:
    return [java(), *options, LOG4J, f"-Dkafka.logs.dir={folder}", "-cp", f"{kafka_jars()}/*"]
