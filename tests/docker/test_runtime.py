"""Which runtime is chosen, and what a container makes of a native service."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import psutil
import pytest
import requests
import yaml

import infra.native.install  # noqa: F401  # its poms are those of the real tree, not of the copy
from infra.docker import launch, stack
from infra.docker.forward import Link
from infra.docker.runtime import chosen, engine_answers
from infra.native import keys
from infra.native.command import free_port
from infra.native.services import services
from jobs.errors import ServiceDown, SettingsError
from jobs.patience import await_true
from jobs.settings import ROOT

ENVIRONMENT = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["x-environment"]
OTHER_LOOPBACK = "127.0.0.2"  # stands for the container's address in its network


@pytest.mark.parametrize("wanted", ["", "native"])
def test_without_being_asked_for_containers_nobody_asks_for_an_engine(wanted: str) -> None:
    def asked() -> bool:
        raise AssertionError("an engine was asked for")

    assert chosen(wanted, asked) == "native"


def test_containers_are_had_by_asking_for_them() -> None:
    assert chosen("docker", lambda: True) == "docker"


def test_containers_without_an_engine_are_refused_and_not_replaced() -> None:
    with pytest.raises(SettingsError, match="leave RUNTIME out"):
        chosen("docker", lambda: False)


def test_another_runtime_is_refused() -> None:
    with pytest.raises(SettingsError, match="'podman' is no runtime"):
        chosen("podman", lambda: True)


def test_no_program_is_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not engine_answers()


def test_a_command_for_containers_ends_with_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.native", "status"],
        env=os.environ | {"RUNTIME": "docker", "PATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "RUNTIME=docker, but" in done.stderr


def test_ports_and_the_password_are_taken_out_of_the_values_they_stand_in() -> None:
    values = keys.new_values(1000)
    found = stack.derived(values)
    assert found["S3_ENDPOINT_PORT"] == "10000"
    assert found["SCHEMA_REGISTRY_URL_PORT"] == "9081"
    assert found["CLICKHOUSE_PORT"] == "9123"
    assert found["POSTGRES_PASSWORD"] == urlsplit(values["POSTGRES_DSN"]).password


def test_two_instances_are_two_projects() -> None:
    assert stack.project("main") == "lakeproof"
    assert stack.project("two") == "lakeproof-two"


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What docker-compose.yml gives our containers, with a secret for each key of people."""
    monkeypatch.setattr("jobs.settings.ROOT", tmp_path)
    monkeypatch.setenv("INSTANCE", ENVIRONMENT["INSTANCE"])
    values = keys.new_values(0)
    return {key: values[key] if "${" in str(value) and key in values else str(value)
            for key, value in ENVIRONMENT.items()}  # fmt: skip


def test_a_container_finds_the_other_services_by_their_names(environ: dict[str, str]) -> None:
    instance = launch.instance_of(environ)
    assert instance.values["S3_ENDPOINT"] == "http://minio:9000"
    assert instance.port("KAFKA_BOOTSTRAP_SERVERS") == 29092
    assert (instance.state / ".env").stat().st_mode & 0o077 == 0


def test_a_container_without_a_password_does_not_start(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="S3_SECRET_KEY"):
        launch.instance_of(environ | {"S3_SECRET_KEY": ""})


def test_spark_is_reached_from_other_containers(environ: dict[str, str]) -> None:
    instance = launch.instance_of(environ)
    master = {"SPARK_MASTER": "spark://spark-master:7077"}
    found = launch.command("spark", instance, environ | master)
    given = set(found.arguments)
    assert {"spark.connect.grpc.binding.address=0.0.0.0", "spark.driver.host=spark"} <= given
    assert "spark.master=spark://spark-master:7077" in given
    assert "SPARK_LOCAL_IP" not in found.variables  # the UI would listen on loopback only
    conf = (instance.state / "spark" / "conf" / "spark-defaults.conf").read_text()
    assert "spark.hadoop.fs.s3a.endpoint                http://minio:9000" in conf


def test_workers_look_for_their_master_by_its_name(environ: dict[str, str]) -> None:
    instance = launch.instance_of(environ)
    worker = launch.command("spark-worker", instance, environ).arguments
    assert worker[1] == "org.apache.spark.deploy.worker.Worker"
    assert worker[-1] == "spark://spark-master:7077"
    assert Path(worker[0]).exists()


@pytest.mark.parametrize("name", ["stubs", "console", "stream"])
def test_our_small_servers_are_the_native_ones(name: str, environ: dict[str, str]) -> None:
    found = launch.command(name, launch.instance_of(environ), environ)
    assert found.arguments[:2] == [sys.executable, "-m"]


def test_every_one_of_our_servers_with_a_port_is_let_out_of_its_loopback(
    environ: dict[str, str],
) -> None:
    ours = {"stubs", "alerts", "console"}
    for service in services(1):
        if service.name in ours:
            (first, *_) = launch.links_of(service.name, environ, "10.0.0.7")
            port = keys.port_of(environ[service.port_key])
            assert first == Link("10.0.0.7", port, "127.0.0.1")


def test_the_exporter_calls_the_console_by_the_name_it_answers_to(environ: dict[str, str]) -> None:
    links = launch.links_of("metrics", environ, "10.0.0.7")
    assert Link("127.0.0.1", 8070, "console") in links


@contextmanager
def page(port: int) -> Iterator[None]:
    """A web page on loopback."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 100_000)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", port), Page)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_listens_on_loopback_is_reached_from_the_network() -> None:
    port = free_port()
    program = (
        "import sys, time; from infra.docker import forward;"
        f"print(forward.in_background([forward.Link('{OTHER_LOOPBACK}', {port}, '127.0.0.1')]),"
        " flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout
    forwarder = int(owner.stdout.readline())
    late = ServiceDown("forward", f"{OTHER_LOOPBACK}:{port}", "not in time")
    with page(port):
        answer = await_true(
            lambda: requests.get(f"http://{OTHER_LOOPBACK}:{port}/", timeout=5),
            10,
            lambda _: late,
            not_yet=(requests.ConnectionError,),
        )
    assert len(answer.content) == 100_000
    with pytest.raises(requests.ConnectionError):  # nobody behind it any more
        requests.get(f"http://{OTHER_LOOPBACK}:{port}/", timeout=5)
    owner.kill()
    owner.wait()
    try:
        await_true(lambda: _ended(forwarder), 10, lambda _: late)
    finally:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(forwarder).kill()


def _ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
