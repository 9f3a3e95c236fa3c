"""What happens to a running platform: a process dies, dies at a chosen point, or hangs for a while,
or what it asks of its object store comes late, not at all, or is done and never answered.

Source: Kafka's ducktape suite (replication_test.py) and Spark's FailureSuite do the same to theirs.
"""

import re
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread

import psutil
from pyspark.errors import PySparkException

from infra.airflow.client import Airflow
from infra.chaos.proxy import Proxy, Trouble
from infra.minio import native as minio
from infra.native import supervise
from infra.native.command import free_port, wait_for_port
from infra.native.instance import Instance
from jobs import capture
from jobs.errors import LakeproofError
from jobs.maintain import maintain
from jobs.objects import delete_objects, keys
from jobs.patience import await_true
from jobs.serve import MART_DATABASE
from jobs.session import clickhouse
from jobs.settings import Settings
from jobs.stream import checkpoint

Strike = Callable[[Instance, Settings], None]
FROZEN_SECONDS = {"kafka": 45.0, "minio": 60.0}
HARD_BOUNCES = 5
TROUBLE_SECONDS = 20.0
LATE_AND_RESET = Trouble(delay_seconds=0.2, reset_share=0.05)
COMMIT_UNANSWERED = Trouble(cut=re.compile(rb"PUT /\S*/_delta_log/\d{20}\.json"))
MOMENT_SECONDS = 300.0
PULSE_SECONDS = 300.0
WATCHDOG_SECONDS = 400.0
POLL_SECONDS = 0.005
COMPACTING_SECONDS = 0.7
SCHEDULER, PULSE = "airflow-scheduler", "overhead"
LOADED = (
    "SELECT count() FROM system.tables "
    "WHERE database = {database:String} AND match(name, '__[0-9]+$') AND total_rows > 0"
)
TABLE = "bronze/orders"
# A new object below the first, with the second in its name, shows that a batch of the stream has
# come there, in this order.
MOMENTS = {
    "its offsets are logged": (f"{checkpoint.FOLDER}/", "/offsets/"),
    "rows are written": (f"{TABLE}/_proc_date=", ""),
    "its table is committed": (f"{TABLE}/_delta_log/0", ""),
}


@dataclass(frozen=True)
class Fault:
    """What is done, as soon as `moment` has waited for its point in the platform's work."""

    strike: Strike
    moment: Callable[[Settings], None] = lambda _settings: None


def kill(service: str, instance: Instance, _settings: Settings) -> None:
    """SIGKILL; its supervisor starts it again."""
    with suppress(psutil.NoSuchProcess):
        _process(service, instance).kill()


def freeze(service: str, instance: Instance, _settings: Settings) -> None:
    """SIGSTOP, and SIGCONT after a while: alive, connected, and silent."""
    process = _process(service, instance)
    process.suspend()
    try:
        time.sleep(FROZEN_SECONDS[service])  # this is the fault itself
    finally:
        process.resume()


def hang(service: str, instance: Instance, _settings: Settings) -> None:
    """SIGSTOP, until the watchdog has it replaced.

    Raises: LakeproofError if it does not.
    """
    process = _process(service, instance)
    process.suspend()
    left = LakeproofError(f"the watchdog leaves {service} as it is: `make logs S={service}`")
    await_true(lambda: not process.is_running(), WATCHDOG_SECONDS, lambda _: left)


def bounce_kafka(instance: Instance, settings: Settings) -> None:
    """SIGKILL, and again as soon as the broker answers, five times in all."""
    for _ in range(HARD_BOUNCES):
        kill("kafka", instance, settings)
        wait_for_port("kafka", instance.port("KAFKA_BOOTSTRAP_SERVERS"))


def kill_spark_optimizing(instance: Instance, settings: Settings) -> None:
    """SIGKILL of the Spark server while it compacts the table that the stream appends to."""

    def compact() -> None:
        with suppress(PySparkException, LakeproofError):  # it is to fail
            maintain("bronze.orders", settings, confirm=True)

    compacting = Thread(target=compact)
    compacting.start()
    compacting.join(COMPACTING_SECONDS)
    kill("spark", instance, settings)
    compacting.join()


def trouble_store(trouble: Trouble, instance: Instance, _settings: Settings) -> None:
    """The object store behind a proxy for a while; before and after it is away for a second.

    Raises: LakeproofError if the trouble met no answer.
    """
    supervise.stop(instance, "minio")
    port = instance.port("S3_ENDPOINT")
    beside = free_port()
    command = minio.command(instance, beside)
    environment = {**instance.environment(), **command.variables}
    with supervise.log_file(instance, "minio").open("a") as log:
        server = subprocess.Popen(command.arguments, env=environment, stdout=log, stderr=log)
    try:
        wait_for_port("minio", beside)
        with Proxy(port, beside, trouble) as proxy:
            time.sleep(TROUBLE_SECONDS)  # this is the fault itself
    finally:
        server.terminate()
        server.wait()
        supervise.start_stopped(instance)
    if not (proxy.cut_count or proxy.reset_count):
        raise LakeproofError(f"nothing was asked of the object store in {TROUBLE_SECONDS:.0f} s")


def lose_checkpoint(_instance: Instance, settings: Settings) -> None:
    """The stream's checkpoint is deleted under it. (Each start of the stream begins without.)"""
    delete_objects(settings, settings.object_key(f"{checkpoint.FOLDER}/"))


def a_mart_is_loaded(settings: Settings) -> None:
    """Nothing, when a new version of a mart stands beside the one that is read.

    Raises: LakeproofError if none is loaded.
    """
    client, database = clickhouse(settings), settings.database(MART_DATABASE)
    idle = LakeproofError("no mart was loaded. Does the stream run?")
    await_true(
        lambda: client.query(LOADED, parameters={"database": database}).result_rows[0][0],
        MOMENT_SECONDS,
        lambda _: idle,
        POLL_SECONDS,
    )


def a_batch_is_there(moment: str, settings: Settings) -> None:
    """Nothing, when a batch of the stream has just come to a moment.

    Raises: LakeproofError if none comes there.
    """
    before = _names(settings, *MOMENTS[moment])
    never = LakeproofError(f"no batch came to the point where {moment}. Does the stream run?")
    await_true(
        lambda: _names(settings, *MOMENTS[moment]) - before,
        MOMENT_SECONDS,
        lambda _: never,
        POLL_SECONDS,
    )


STRIKES: dict[str, Strike] = {
    **{
        f"{service} killed": partial(kill, service)
        for service in ("spark", "stream", "kafka", "minio", "clickhouse", "postgres", SCHEDULER)
    },
    "connect killed": partial(kill, "connect"),
    "kafka killed five times": bounce_kafka,
    f"{SCHEDULER} hung": partial(hang, SCHEDULER),
    "spark killed while it compacts": kill_spark_optimizing,
    **{f"{service} frozen": partial(freeze, service) for service in FROZEN_SECONDS},
    "minio late and resetting": partial(trouble_store, LATE_AND_RESET),
    "commits unanswered": partial(trouble_store, COMMIT_UNANSWERED),
    "checkpoint lost": lose_checkpoint,
}
FAULTS: dict[str, Fault] = {
    **{name: Fault(strike) for name, strike in STRIKES.items()},
    **{
        f"spark killed once {moment}": Fault(
            partial(kill, "spark"), partial(a_batch_is_there, moment)
        )
        for moment in MOMENTS
    },
    **{
        f"{service} killed between load and swap": Fault(partial(kill, service), a_mart_is_loaded)
        for service in ("stream", "clickhouse")
    },
}


def is_recovered(fault: str, settings: Settings) -> bool:
    """Whether what no order shows goes on too: DAGs, or the capture of the shop's database.

    Raises: ServiceDown, LakeproofError while it does not.
    """
    pulse = PULSES.get(fault.partition(" ")[0])
    return pulse is None or pulse(settings)


def _a_dag_runs_through(settings: Settings) -> bool:
    airflow = Airflow(settings)
    airflow.make_ready([PULSE])
    return airflow.await_run(PULSE, airflow.start(PULSE), PULSE_SECONDS) == "success"


def _the_log_is_read(settings: Settings) -> bool:
    return capture.progress(settings).state == "RUNNING"


PULSES: dict[str, Callable[[Settings], bool]] = {
    SCHEDULER: _a_dag_runs_through,
    "connect": _the_log_is_read,
}


def _process(service: str, instance: Instance) -> psutil.Process:
    """The service's process, once it has one."""
    dead = LakeproofError(f"{service} does not run: `make logs S={service}`")
    return psutil.Process(
        await_true(
            lambda: supervise.pid(instance, service), MOMENT_SECONDS, lambda _: dead, POLL_SECONDS
        )
    )


def _names(settings: Settings, prefix: str, part: str) -> set[str]:
    """The objects below a prefix, by what follows it, that have a part in it."""
    key = settings.object_key(prefix)
    names = (found.removeprefix(key) for found in keys(settings, key))
    return {name for name in names if part in name}
