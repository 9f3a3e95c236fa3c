"""Start an instance and wait until every service answers a real request."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from infra.native import doctor, supervise
from infra.native.down import end_everything
from infra.native.health import CHECKS, Check
from infra.native.install import install_missing, missing
from infra.native.instance import Instance, load_or_create, lock
from infra.native.logs import last_lines
from infra.native.processes import of
from infra.native.services import NAMES
from jobs.errors import LakeproofError, ServiceDown
from jobs.settings import Settings, env_file, settings_from

PATIENCE_SECONDS = 300
POLL_SECONDS = 0.25
STARTS_ALLOWED = 2  # a third process of the same service means that it does not stay up


class StartFailed(LakeproofError):
    """A service did not become healthy."""


def up(name: str) -> None:
    """Bring the instance to healthy and say where everything is. Twice is harmless.

    Raises: StartFailed naming the service, its last words and what to do.
    """
    started = time.monotonic()
    with lock():
        instance = _prepare(name)
        _start(instance)
    settings = settings_from({**instance.values, "INSTANCE": name})
    for service, seconds in _healthy(instance, settings):
        print(f"healthy  {service:<22} {seconds:5.1f} s", flush=True)
    after_healthy(settings)
    print(f"\nUp in {time.monotonic() - started:.0f} s.\n\n{_addresses(instance)}")


def after_healthy(settings: Settings) -> None:
    """Make in the services what the platform expects there."""
    from jobs.topics import create_all

    create_all(settings)


def _prepare(name: str) -> Instance:
    wanted = {download.tool for download in missing()}
    _require(doctor.tools("mvn" in wanted, "go" in wanted))
    install_missing()
    return load_or_create(name)


def _require(findings: list[doctor.Finding]) -> None:
    for finding in findings:
        print(finding, flush=True)
    if any(finding.stops for finding in findings):
        raise StartFailed("Mend the above, then run `make up` again. `make doctor` checks as well.")


def _start(instance: Instance) -> None:
    if supervise.is_running(instance) and supervise.is_current(instance):
        supervise.start_stopped(instance)
        return
    if of(instance.state):
        print("restarting: the configuration changed or the supervisor is gone", flush=True)
        end_everything(instance.state)
    _require([*doctor.ports(instance.ports()), *doctor.resources()])
    supervise.start(instance)


def _healthy(instance: Instance, settings: Settings) -> Iterator[tuple[str, float]]:
    """Each service and the seconds it took, as it becomes healthy."""
    started = time.monotonic()
    give_up = threading.Event()
    watch = _Watch(instance, started)
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        waiting: dict[Future[None], str] = {
            pool.submit(_repeat, CHECKS[name], settings, give_up, watch.causes, name): name
            for name in NAMES
        }
        try:
            while waiting:
                done, _ = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                    yield waiting.pop(future), time.monotonic() - started
                watch.refuse_failures(set(waiting.values()))
        finally:
            give_up.set()


def _repeat(
    check: Check,
    settings: Settings,
    give_up: threading.Event,
    causes: dict[str, ServiceDown],
    name: str,
) -> None:
    while not give_up.is_set():
        try:
            return check(settings)
        except ServiceDown as cause:
            causes[name] = cause
        give_up.wait(POLL_SECONDS)


class _Watch:
    """Notices services that will never become healthy."""

    def __init__(self, instance: Instance, started: float) -> None:
        self.causes: dict[str, ServiceDown] = {}
        self._instance = instance
        self._started = started
        self._pids: dict[str, set[int]] = {name: set() for name in NAMES}

    def refuse_failures(self, waiting: set[str]) -> None:
        """Raises: StartFailed if a service ended for good, or if time is up."""
        for process in supervise.processes(self._instance):
            self._pids[process.name].add(process.pid)
            starts = len(self._pids[process.name] - {0})
            if process.state == "FATAL" or starts > STARTS_ALLOWED:
                raise self._failure(process.name, "does not stay up")
        if waiting and time.monotonic() - self._started > PATIENCE_SECONDS:
            name = next(name for name in NAMES if name in waiting)
            raise self._failure(name, f"is not healthy: {self.causes.get(name, 'no answer')}")

    def _failure(self, name: str, what: str) -> StartFailed:
        log = supervise.log_file(self._instance, name)
        tail = "\n".join(f"  {line}" for line in last_lines(log, 15))
        return StartFailed(
            f"{name} {what}\n\nthe end of {log}:\n{tail}\n\n"
            f"Mend what the log complains about, then run `make up` again: it starts what is "
            f"missing. `make logs S={name}` shows more, `make down` stops the rest."
        )


def _addresses(instance: Instance) -> str:
    values, file = instance.values, env_file(instance.name)
    console = f"http://127.0.0.1:{values['S3_CONSOLE_PORT']}"
    rows = [
        ("Airflow", values["AIRFLOW_URL"], "AIRFLOW_USER", "AIRFLOW_PASSWORD"),
        ("MinIO console", console, "S3_ACCESS_KEY", "S3_SECRET_KEY"),
        ("Spark UI", f"http://127.0.0.1:{values['SPARK_UI_PORT']}", "", ""),
        ("Spark Connect", values["SPARK_REMOTE"], "", ""),
        ("ClickHouse", f"http://127.0.0.1:{values['CLICKHOUSE_PORT']}", "CLICKHOUSE_ANALYST_USER",
         "CLICKHOUSE_ANALYST_PASSWORD"),
        ("Kafka", values["KAFKA_BOOTSTRAP_SERVERS"], "", ""),
        ("Postgres", f"127.0.0.1:{instance.port('POSTGRES_DSN')}", "POSTGRES_DSN", ""),
    ]  # fmt: skip
    lines = [
        f"{what:<14} {where:<24} {' / '.join(key for key in logins if key)}".rstrip()
        for what, where, *logins in rows
    ]
    return "\n".join(["", *lines, "", f"Users and passwords are in {file} under these keys."])
