"""One list of services: all that is derived from it agrees with it."""

import configparser
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from infra.native import supervise
from infra.native.creation import load_or_create, with_workers
from infra.native.health import CHECKS, HEARTBEAT_AGE
from infra.native.instance import Instance, write_private
from infra.native.keys import PORT_KEYS
from infra.native.launch import NOT_INSTALLED, launcher
from infra.native.services import BROKERS, NAMES, services
from jobs.settings import env_file

SOCKET_PATH_LIMIT = 107
NICENESS_OF_THIS = "import os; print(os.nice(0))"


@pytest.fixture(params=BROKERS, ids=lambda brokers: f"brokers={brokers}")
def instance(request: pytest.FixtureRequest, tree: Path) -> Instance:
    """An instance that was never started, with each number of brokers."""
    return load_or_create("alpha", request.param)


def names(instance: Instance) -> list[str]:
    return [service.name for service in instance.services]


@pytest.fixture
def rendered(instance: Instance) -> configparser.RawConfigParser:
    """supervisord.conf of a new instance."""
    parser = configparser.RawConfigParser()
    parser.read_string(supervise.configuration(instance))
    return parser


def test_supervisor_runs_exactly_the_services(
    rendered: configparser.RawConfigParser, instance: Instance
) -> None:
    programs = {
        section.removeprefix("program:"): rendered[section]["command"].rpartition(" ")[2]
        for section in rendered.sections()
        if section.startswith("program:")
    }
    assert programs == {name: name for name in names(instance)}


def test_every_service_is_in_one_group(
    rendered: configparser.RawConfigParser, instance: Instance
) -> None:
    groups = [rendered[s]["programs"].split(",") for s in rendered.sections() if "group:" in s]
    assert sorted(name for group in groups for name in group) == sorted(names(instance))


def test_what_computes_stops_before_what_it_writes_to(
    rendered: configparser.RawConfigParser,
) -> None:
    assert int(rendered["group:compute"]["priority"]) > int(rendered["group:store"]["priority"])


def test_a_service_that_ended_comes_back_unless_its_part_cannot_be_installed(
    rendered: configparser.RawConfigParser, instance: Instance
) -> None:
    keys = ("autorestart", "exitcodes")
    found = {tuple(rendered[f"program:{name}"][key] for key in keys) for name in names(instance)}
    assert found == {("unexpected", str(NOT_INSTALLED))}


def test_every_service_is_asked_whether_it_is_healthy() -> None:
    assert list(CHECKS) == list(NAMES)


def test_heartbeat_of_a_killed_process_is_too_old_when_its_successor_counts_as_running() -> None:
    airflow = {s.starting_seconds for s in services(1) if s.name.startswith("airflow-")}
    assert min(airflow) >= HEARTBEAT_AGE.total_seconds()


def test_every_port_key_of_a_service_is_a_port_of_the_instance() -> None:
    assert {service.port_key for service in services(1) if service.port_key} <= set(PORT_KEYS)


@pytest.mark.parametrize("name", ["minio", "spark", "clickhouse"])
def test_program_of_a_service_is_there(name: str, instance: Instance) -> None:
    program = Path(launcher(name)(instance).arguments[0])
    assert program.is_absolute()
    assert name == "minio" or program.exists()  # MinIO may still have to be built


def test_unknown_service_is_refused_with_the_list() -> None:
    with pytest.raises(SystemExit, match="There is no service 'kafak'; there are minio, kafka"):
        launcher("kafak")


def test_spark_listens_where_its_clients_look(instance: Instance) -> None:
    launcher("spark")(instance)
    path = instance.state / "spark" / "conf" / "spark-defaults.conf"
    lines = [line.split(maxsplit=1) for line in path.read_text().splitlines()]
    settings = {line[0]: line[1] for line in lines if len(line) == 2}
    assert settings["spark.connect.grpc.binding.port"] == str(instance.port("SPARK_REMOTE"))
    assert settings["spark.hadoop.fs.s3a.endpoint"] == instance.values["S3_ENDPOINT"]
    assert settings["spark.hadoop.fs.s3a.secret.key"] == instance.values["S3_SECRET_KEY"]


def test_workers_and_server_of_spark_meet_at_the_master(instance: Instance) -> None:
    address = f"spark://127.0.0.1:{instance.port('SPARK_MASTER_PORT')}"
    cluster = with_workers(instance, 2)
    launcher("spark")(cluster)
    rendered = (instance.state / "spark" / "conf" / "spark-defaults.conf").read_text()
    assert f"spark.master {address}" in " ".join(rendered.split())
    known_by = f"spark.authenticate.secret {instance.values['SPARK_CLUSTER_SECRET']}"
    assert known_by in " ".join(rendered.split())


def test_files_with_keys_are_closed_to_others(instance: Instance) -> None:
    launcher("spark")(instance)
    secret = instance.values["S3_SECRET_KEY"]
    holders = [path for path in instance.state.rglob("*") if path.is_file()]
    found = [path for path in holders if secret in path.read_text(errors="replace")]
    assert sorted(path.name for path in found) == [".env", "spark-defaults.conf"]
    assert {path.stat().st_mode & 0o077 for path in found} == {0}


def test_kafka_listens_where_its_clients_look(instance: Instance) -> None:
    brokers = instance.values["KAFKA_BOOTSTRAP_SERVERS"].split(",")
    controllers = [
        f"127.0.0.1:{port}" for port in instance.values["KAFKA_CONTROLLER_PORT"].split(",")
    ]
    kafkas = [name for name in names(instance) if name.startswith("kafka")]
    for name, broker, controller in zip(kafkas, brokers, controllers, strict=True):
        instance.folder(name, "data")  # as if formatted: formatting takes a JVM
        launcher(name)(instance)
        text = (instance.state / name / "server.properties").read_text()
        assert f"listeners=PLAINTEXT://{broker},CONTROLLER://{controller}\n" in text
        assert f"advertised.listeners=PLAINTEXT://{broker}\n" in text
        assert f"controller.quorum.bootstrap.servers={','.join(controllers)}\n" in text
        assert f"log.dirs={instance.state / name / 'data'}\n" in text


def test_prometheus_reads_every_broker_where_its_agent_answers(instance: Instance) -> None:
    ports = instance.values["KAFKA_METRICS_PORT"].split(",")
    kafkas = [name for name in names(instance) if name.startswith("kafka")]
    for name, port in zip(kafkas, ports, strict=True):
        instance.folder(name, "data")
        [agent] = (o for o in launcher(name)(instance).arguments if o.startswith("-javaagent:"))
        assert f"=127.0.0.1:{port}:" in agent
    launcher("prometheus")(instance)
    text = (instance.state / "prometheus" / "prometheus.yml").read_text()
    [kafka] = (job for job in yaml.safe_load(text)["scrape_configs"] if job["job_name"] == "kafka")
    assert kafka["static_configs"] == [{"targets": [f"127.0.0.1:{port}" for port in ports]}]


def test_an_ack_of_all_is_that_of_a_majority_of_the_brokers(instance: Instance) -> None:
    instance.folder("kafka", "data")
    launcher("kafka")(instance)
    text = (instance.state / "kafka" / "server.properties").read_text()
    replicas, in_sync = {1: (1, 1), 3: (3, 2)}[instance.brokers]
    assert f"\ndefault.replication.factor={replicas}\nmin.insync.replicas={in_sync}\n" in text


def test_control_socket_stays_short_however_deep_the_clone_is(instance: Instance) -> None:
    deep = replace(instance, state=instance.state / ("deep" * 30) / ("deeper" * 20))
    deep.state.mkdir(parents=True)
    parser = configparser.RawConfigParser()
    parser.read_string(supervise.configuration(deep))
    assert len(parser["unix_http_server"]["file"]) <= SOCKET_PATH_LIMIT


def test_control_socket_of_two_clones_differs(instance: Instance, tmp_path: Path) -> None:
    other = replace(instance, state=tmp_path / "other")
    other.state.mkdir()
    sockets = set()
    for each in (instance, other):
        parser = configparser.RawConfigParser()
        parser.read_string(supervise.configuration(each))
        sockets.add(parser["unix_http_server"]["file"])
    assert len(sockets) == 2


def test_a_changed_password_counts_as_a_changed_configuration(instance: Instance) -> None:
    write_private(instance.state / "supervisord.conf", supervise.configuration(instance))
    assert supervise.is_current(instance)
    changed = {**instance.values, "AIRFLOW_PASSWORD": "another"}
    assert not supervise.is_current(replace(instance, values=changed))


def test_configuration_holds_no_secret(instance: Instance) -> None:
    text = supervise.configuration(instance)
    assert env_file("alpha").exists()
    secrets = [value for key, value in instance.values.items() if "SECRET" in key or "PASS" in key]
    assert not [secret for secret in secrets if secret in text]


@pytest.mark.parametrize(("name", "stands_back"), [("spark", True), ("minio", False)])
def test_what_computes_steps_back_for_what_answers(
    name: str, stands_back: bool, instance: Instance
) -> None:
    niceness = launcher(name)(instance).niceness
    become = f"Command([{sys.executable!r}, '-c', {NICENESS_OF_THIS!r}], niceness={niceness})"
    program = f"from infra.native.command import Command; {become}.run_instead_of_this({{}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (int(done.stdout) > os.nice(0)) == stands_back
