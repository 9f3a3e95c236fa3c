"""A process of the platform dies, dies at a chosen point, or hangs for a while."""

import time
from contextlib import suppress
from threading import Thread

import psutil
from pyspark.errors import PySparkException

from infra.chaos.load import Target
from infra.native import supervise
from infra.native.command import wait_for_port
from infra.native.instance import Instance
from jobs.errors import LakeproofError
from jobs.maintain import maintain
from jobs.patience import await_true

FROZEN_SECONDS = {"kafka": 45.0, "minio": 60.0}
HARD_BOUNCES = 5
WATCHDOG_SECONDS = 400.0
START_SECONDS = 300.0
POLL_SECONDS = 0.005
COMPACTING_SECONDS = 0.7


def kill(service: str, target: Target) -> None:
    """SIGKILL; its supervisor starts it again."""
    with suppress(psutil.NoSuchProcess):
        process_of(service, target.instance).kill()


def freeze(service: str, target: Target) -> None:
    """SIGSTOP, and SIGCONT after a while: alive, connected, and silent."""
    process = process_of(service, target.instance)
    process.suspend()
    try:
        time.sleep(FROZEN_SECONDS[service])  # this is the fault itself
    finally:
        process.resume()


def hang(service: str, target: Target) -> None:
    """SIGSTOP, until the watchdog has it replaced.

    Raises: LakeproofError if it does not.
    """
    process = process_of(service, target.instance)
    process.suspend()
    left = LakeproofError(f"the watchdog leaves {service} as it is: `make logs S={service}`")
    await_true(lambda: not process.is_running(), WATCHDOG_SECONDS, lambda _: left)


def bounce_kafka(target: Target) -> None:
    """SIGKILL, and again as soon as the broker answers, five times in all."""
    for _ in range(HARD_BOUNCES):
        kill("kafka", target)
        wait_for_port("kafka", target.instance.port("KAFKA_BOOTSTRAP_SERVERS"), START_SECONDS)


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


def process_of(service: str, instance: Instance) -> psutil.Process:
    """The service's process, once it has one."""
    dead = LakeproofError(f"{service} does not run: `make logs S={service}`")
    return psutil.Process(
        await_true(
            lambda: supervise.pid(instance, service), START_SECONDS, lambda _: dead, POLL_SECONDS
        )
    )
