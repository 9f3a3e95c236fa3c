"""Start an instance and wait until every service answers a real request."""

import time
from collections.abc import Callable, Iterable

from infra.native import doctor, supervise
from infra.native.creation import load_or_create, wanted_brokers, wanted_workers, with_workers
from infra.native.down import end_everything
from infra.native.download import Download
from infra.native.install import missing, strangers
from infra.native.instance import Instance, load, lock
from infra.native.processes import of
from infra.native.signs import Signs
from infra.native.watch import StartFailed, healthy
from jobs.errors import ServiceDown
from jobs.patience import Awaited, await_progress
from jobs.settings import Settings, env_file, settings_from


def up(name: str) -> None:
    """Bring the instance to healthy and say where everything is. Twice is harmless.

    Each service installs what it needs. What nobody waits for joins when it is there.
    Raises: StartFailed naming the service, its last words and what to do.
    """
    started = time.monotonic()
    with lock():
        wanted = missing()
        instance = _prepare(name, wanted)
        _start(instance)
    settings = settings_from({**instance.values, "INSTANCE": name})
    late = [download for download in wanted if download.late]
    _wait(instance, settings, [download.service for download in late])
    after_healthy(settings)
    print(f"\nUp in {time.monotonic() - started:.0f} s.\n\n{_addresses(instance)}")
    for download in late:
        print(outlook(download), flush=True)


def complete(name: str) -> None:
    """Wait for what joins later as well, which tests and measurements need.

    Raises: StartFailed naming the service, its last words and what to do.
    """
    instance = load(name)
    _wait(instance, settings_from({**instance.values, "INSTANCE": name}), ())


def _wait(instance: Instance, settings: Settings, later: Iterable[str]) -> None:
    for service, seconds in healthy(instance, settings, frozenset(later)):
        print(f"healthy  {service:<22} {seconds:5.1f} s", flush=True)


def outlook(late: Download) -> str:
    """What becomes of a service that nobody waited for."""
    if late.place.exists():
        return f"\n{late.service} is built and joins now."
    if late.failure:
        return (
            f"\n{late.service} could not be built: everything else works without it, and the next "
            f"`make up` tries again.\n{late.failure}"
        )
    return (
        f"\n{late.service} is still being built and joins when it is there: `make status` shows "
        f"it, and `make logs S={late.service}` how far it is."
    )


def after_healthy(settings: Settings) -> None:
    """Make in the services what the platform expects there; each step may be made again.

    Raises: StandsStill if one of them does not answer and does nothing.
    """
    from generators.oltp import create_tables
    from jobs import capture, registry
    from jobs.topics import create_all

    instance = load(settings.instance)
    steps: dict[str, Callable[[Settings], None]] = {
        "kafka": create_all,
        "registry": registry.register_all,
        "postgres": create_tables,
        "connect": capture.start,
    }
    for service, step in steps.items():
        _make(step, service, instance, settings)


def _make(
    step: Callable[[Settings], None], service: str, instance: Instance, settings: Settings
) -> None:
    signs = Signs(instance, service)
    awaited = Awaited(lambda: f"{service} to take its part", signs, signs.last_words)

    def is_made() -> bool:
        step(settings)
        return True

    await_progress(is_made, awaited, not_yet=(ServiceDown,))


def _prepare(name: str, wanted: list[Download]) -> Instance:
    tools = {download.tool for download in wanted if not download.late}
    _require(doctor.tools("mvn" in tools, "go" in tools))
    for stranger in strangers():
        print(f"not used    {stranger}", flush=True)
    for download in wanted:
        print(f"installing  {download.what}", flush=True)
    return with_workers(load_or_create(name, wanted_brokers()), wanted_workers())


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


def _addresses(instance: Instance) -> str:
    values, file = instance.values, env_file(instance.name)
    console = f"http://127.0.0.1:{values['S3_CONSOLE_PORT']}"
    rows = [
        ("Console", values["CONSOLE_URL"], "CONSOLE_TOKEN", ""),
        ("Alerts", values["ALERT_URL"], "", ""),
        # The build has no pages: `go install` finds no compiled ones in the module.
        ("Prometheus", f"{values['PROMETHEUS_URL']}/api/v1/alerts", "", ""),
        ("Alertmanager", values["ALERTMANAGER_URL"], "", ""),
        ("Airflow", values["AIRFLOW_URL"], "AIRFLOW_USER", "AIRFLOW_PASSWORD"),
        ("MinIO console", console, "S3_ACCESS_KEY", "S3_SECRET_KEY"),
        ("Spark UI", f"http://127.0.0.1:{values['SPARK_UI_PORT']}", "", ""),
        ("Spark Connect", values["SPARK_REMOTE"], "", ""),
        ("ClickHouse", f"http://127.0.0.1:{values['CLICKHOUSE_PORT']}", "CLICKHOUSE_ANALYST_USER",
         "CLICKHOUSE_ANALYST_PASSWORD"),
        ("Kafka", values["KAFKA_BOOTSTRAP_SERVERS"], "", ""),
        ("Kafka Connect", values["CONNECT_URL"], "CONNECT_USER", "CONNECT_PASSWORD"),
        ("Schema registry", values["SCHEMA_REGISTRY_URL"], "", ""),
        ("Postgres", f"127.0.0.1:{instance.port('POSTGRES_DSN')}", "POSTGRES_DSN", ""),
    ]  # fmt: skip
    lines = [
        f"{what:<15} {where:<38} {' / '.join(key for key in logins if key)}".rstrip()
        for what, where, *logins in rows
    ]
    return "\n".join(["", *lines, "", f"Users and passwords are in {file} under these keys."])
