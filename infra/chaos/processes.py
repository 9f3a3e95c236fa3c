"""A process of the platform dies, dies at a chosen point, or hangs for a while."""

import time
from contextlib import suppress
from threading import Thread

import psutil
from pyspark.errors import PySparkException

from infra.chaos.load import Target
from infra.chaos.waiting import await_moment
from infra.native import supervise
from infra.native.command import accepts
from jobs.errors import LakeproofError
from jobs.maintain import maintain

FROZEN_SECONDS = {"kafka": 45.0, "minio": 60.0}
HARD_BOUNCES = 5
COMPACTING_SECONDS = 0.7


def kill(service: str, target: Target) -> None:
    """SIGKILL; its supervisor starts it again."""
    with suppress(psutil.NoSuchProcess):
        process_of(service, target).kill()


def freeze(service: str, target: Target) -> None:
    """SIGSTOP, and SIGCONT after a while: alive, connected, and silent."""
    process = process_of(service, target)
    process.suspend()
    try:
        time.sleep(FROZEN_SECONDS[service])  # this is the fault itself
    finally:
        process.resume()


def hang(service: str, target: Target) -> None:
    """SIGSTOP, until the watchdog has it replaced."""
    process = process_of(service, target)
    process.suspend()
    replaced = f"the watchdog to replace {service}"
    await_moment(target.settings, lambda: not process.is_running(), replaced)


def bounce_kafka(target: Target) -> None:
    """SIGKILL, and again as soon as the broker answers, five times in all."""
    port = target.instance.port("KAFKA_BOOTSTRAP_SERVERS")
    for _ in range(HARD_BOUNCES):
        kill("kafka", target)
        await_moment(target.settings, lambda: accepts(port), "Kafka to listen")


def kill_spark_optimizing(target: Target) -> None:
    """SIGKILL of the Spark server while it compacts the table that the stream appends to."""

    def compact() -> None:
        with suppress(PySparkException, LakeproofError):  # it is to fail
            maintain("bronze.orders", target.settings, confirm=True)

    compacting = Thread(target=compact)
    compacting.start()
    compacting.join(COMPACTING_SECONDS)
    kill("spark", target)
    compacting.join()


def process_of(service: str, target: Target) -> psutil.Process:
    """The service's process, once it has one."""
    pid = await_moment(
        target.settings, lambda: supervise.pid(target.instance, service), f"{service} to run"
    )
    return psutil.Process(pid)
