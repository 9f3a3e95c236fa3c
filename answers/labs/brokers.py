"""Three brokers of a proof's own, as processes: to freeze, to kill and to start again."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kafka.errors import KafkaError

from answers.labs.java import SHORT_LIVED
from answers.labs.waiting import wait_until
from infra.kafka.native import command, component
from infra.native import keys
from infra.native.creation import OFFSETS
from infra.native.doctor import is_free
from infra.native.health import CHECKS
from infra.native.instance import Instance
from jobs.errors import LakeproofError, ServiceDown
from jobs.settings import Settings
from jobs.topics import admin

NUMBERS = (1, 2, 3)


@dataclass
class Brokers:
    """Each topic is on all three if nothing else is said, and an ack of all means two of them."""

    instance: Instance
    settings: Settings
    _processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *numbers: int) -> None:
        """Nothing, once the brokers are up and the others count on them."""
        for number in numbers:
            self._processes[number] = self._start(number)
        for number in numbers:
            what = f"broker {number} is up"
            wait_until(partial(self._answers, number), what, not_yet=(ServiceDown,))

    def kill(self, *numbers: int) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        for number in numbers:
            self._processes[number].kill()
        for number in numbers:
            self._processes.pop(number).wait()

    def freeze(self, *numbers: int) -> None:
        """They do nothing and answer nobody, and their connections stay open."""
        for number in numbers:
            self._processes[number].send_signal(signal.SIGSTOP)

    def thaw(self, *numbers: int) -> None:
        """They go on where they were."""
        for number in numbers:
            self._processes[number].send_signal(signal.SIGCONT)

    def partitions(self, topic: str) -> list[dict[str, Any]]:
        """Leader (`leader_id`) and in-sync replicas (`isr_nodes`) of each partition.

        None if the broker that is asked has just died, or has not heard of the topic yet.
        """
        try:
            with closing(admin(self.settings)) as client:
                found: list[dict[str, Any]] = client.describe_topics([topic])[0]["partitions"]
        except (KafkaError, ServiceDown):
            return []
        return sorted(found, key=lambda partition: int(partition["partition_index"]))

    def leaders(self, topic: str) -> list[int]:
        """Which broker leads each partition."""
        return [partition["leader_id"] for partition in self.partitions(topic)]

    def wait_until_led(self, topic: str, *leaders: int) -> None:
        """Nothing, once these brokers lead the partitions."""
        wait_until(lambda: self.leaders(topic) == [*leaders], f"{topic} led by {leaders}")

    def wait_until_in_sync(self, topic: str) -> None:
        """Nothing, once every broker has all of the topic."""

        def is_whole() -> bool:
            found = [set(partition["isr_nodes"]) for partition in self.partitions(topic)]
            return bool(found) and all(each == set(NUMBERS) for each in found)

        wait_until(is_whole, f"{topic} in sync")

    def data(self, number: int) -> Path:
        """The folder of a broker's logs."""
        return self.instance.state / _service(number) / "data"

    def _answers(self, number: int) -> bool:
        return CHECKS[_service(number)](self.settings) is None

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        is_first = number == 1
        become = command(self.instance) if is_first else component(self.instance, str(number))
        environment = self.instance.environment() | SHORT_LIVED
        with (self.instance.state / f"{_service(number)}.log").open("ab") as log:
            return subprocess.Popen(become.arguments, env=environment, stdout=log, stderr=log)


@contextmanager
def three_brokers(settings: Settings) -> Iterator[Brokers]:
    """Three healthy brokers without data, gone afterwards."""
    state = Path(tempfile.mkdtemp(prefix="lakeproof-brokers-"))
    values = _free_ports()
    own = replace(settings, kafka_bootstrap_servers=values["KAFKA_BOOTSTRAP_SERVERS"])
    brokers = Brokers(Instance("brokers-of-a-proof", state, values, ()), own)
    try:
        brokers.start(*NUMBERS)
        yield brokers
    finally:
        brokers.kill(*brokers._processes)
        shutil.rmtree(state)


def _free_ports() -> dict[str, str]:
    """Where the brokers and their controllers listen: far from where instances look first."""
    for offset in reversed(OFFSETS):
        every = keys.new_values(offset, len(NUMBERS))
        values = {key: every[key] for key in keys.BROKER_KEYS}
        if all(
            is_free(port) for key, value in values.items() for port in keys.ports_of(key, value)
        ):
            return values
    raise LakeproofError("no free ports for three brokers: end one of the instances")


def _service(number: int) -> str:
    return "kafka" if number == 1 else f"kafka-{number}"
