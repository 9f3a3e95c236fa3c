"""docker-compose.yml against the compose specification, the native runtime and its own rules.

No engine is needed: the file is read by a schema, by a compose tool, and by these tests.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.docker.stack import derived
from infra.native import keys
from infra.native.services import services
from jobs.settings import ROOT, read_env_file

FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NATIVE = services(1)
# In containers only, or natively as well once somebody builds them there.
BESIDE = {"metrics", "prometheus", "alertmanager", "grafana", "spark-master", "spark-worker"}
MONITORING_PORTS = {"METRICS_URL": 8060, "PROMETHEUS_URL": 8061, "ALERTMANAGER_URL": 8062}
MAIN_PORTS = {key.name: key.port for key in keys.KEYS if key.port} | MONITORING_PORTS
MAIN_PORTS |= {"ALERT_SMTP": 8063, "GRAFANA": 3000}
# Inside its container; people reach Kafka's by another listener, Postgres' by another number.
INNER_PORTS = {"POSTGRES_DSN": 5432, "KAFKA_BOOTSTRAP_SERVERS": 9092}
NOT_KEYS = {"INSTANCE", *MONITORING_PORTS, "ALERT_SMTP"}
WITHDREW = ("minio/", "bitnami/", "bitnamilegacy/", "debezium/", "quay.io/minio/")
VERSION = re.compile(r".+:(v?\d+\.\d+(\.\d+)*(\.Final)?|RELEASE\.[0-9TZ-]+)")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[-?])?([^}]*)\}")
each_service = pytest.mark.parametrize("name", SERVICES)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """The env file of a new main instance."""
    path = tmp_path / "env"
    path.write_text(keys.render(keys.new_values(0)))
    return path


def config(env: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """What a compose tool makes of the file with that env file; it needs no engine for it."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return subprocess.run(
        [Path(sys.executable).with_name("podman-compose"), "--dry-run", f"--file={FILE}",
         f"--env-file={env}", "--profile=core", "--profile=monitoring", "--profile=cluster",
         "config"],
        env=kept | more,
        capture_output=True,
        text=True,
    )  # fmt: skip


def test_the_specification_allows_the_file() -> None:
    tool = [sys.executable, "-m", "check_jsonschema", "--builtin-schema=vendor.compose-spec"]
    done = subprocess.run([*tool, FILE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_compose_tool_fills_in_the_values_of_an_env_file(env: Path) -> None:
    values = read_env_file(env)
    more = derived(values | {"S3_ENDPOINT": "http://127.0.0.1:9999"})
    done = config(env, **more)
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)["services"]
    assert set(found) == set(SERVICES)
    assert found["minio"]["environment"]["MINIO_ROOT_PASSWORD"] == values["S3_SECRET_KEY"]
    assert found["minio"]["ports"][0] == "127.0.0.1:9999:9000"
    dsn = found["console"]["environment"]["POSTGRES_DSN"]
    assert dsn == values["POSTGRES_DSN"].replace("127.0.0.1:5433", "postgres:5432")
    listeners = found["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert listeners == "PLAINTEXT://kafka:29092,OUTSIDE://127.0.0.1:9092"
    pattern = "CONNECT_CONFIG_PROVIDERS_ENV_PARAM_ALLOWLIST_PATTERN"
    assert found["connect"]["environment"][pattern] == "^POSTGRES_PASSWORD$"


def test_a_missing_password_stops_everything(env: Path) -> None:
    done = config(env)
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr


def test_every_native_service_is_a_container() -> None:
    native = {service.name for service in NATIVE}
    assert native <= set(SERVICES)
    assert set(SERVICES) - native <= BESIDE


def test_every_variable_is_a_key_or_derived_from_one_or_has_a_default() -> None:
    known = {key.name for key in keys.KEYS} | set(derived(keys.new_values(0)))
    found = VARIABLE.findall(FILE.read_text())
    assert found
    bare = {name for name, mark, _ in found if mark != ":-"}
    assert bare - known == set()
    assert {name for name, mark, _ in found if not mark} == set()  # blank, if it were not set


def test_the_ports_of_a_bare_compose_are_those_of_the_main_instance() -> None:
    found = dict(re.findall(r"\$\{(\w+_PORT):-(\d+)\}", FILE.read_text()))
    names = {name if name in MAIN_PORTS else name.removesuffix("_PORT"): int(port)
             for name, port in found.items()}  # fmt: skip
    assert names == {name: MAIN_PORTS[name] for name in names}
    for_nobody_outside = {"KAFKA_CONTROLLER_PORT", "KAFKA_METRICS_PORT", "SPARK_MASTER_PORT",
                          "SPARK_CLUSTER_URL"}  # fmt: skip
    assert set(MAIN_PORTS) - set(names) == for_nobody_outside


@pytest.mark.parametrize("name", [s.name for s in NATIVE if s.port_key])
def test_a_service_is_published_at_the_port_of_its_key(name: str) -> None:
    (key,) = {service.port_key for service in NATIVE if service.name == name}
    variable = key if key.endswith("_PORT") else f"{key}_PORT"
    published = f"${{{variable}:-{MAIN_PORTS[key]}}}"
    inner = published if name == "console" else INNER_PORTS.get(key, MAIN_PORTS[key])
    assert f"127.0.0.1:{published}:{inner}" in SERVICES[name]["ports"]


def test_our_containers_know_every_key_and_no_other() -> None:
    found = set(COMPOSE["x-environment"])
    assert {key.name for key in keys.KEYS} - found == set()
    assert found - {key.name for key in keys.KEYS} <= NOT_KEYS


def test_addresses_between_containers_name_a_service_at_the_port_it_has_inside() -> None:
    for key, port in MAIN_PORTS.items():
        value = str(COMPOSE["x-environment"].get(key, ""))
        if not value or value.startswith("${") or key.endswith("_PORT"):
            continue  # of people, or nobody else's
        host = value.rpartition("@")[2].rpartition("//")[2].partition(":")[0]
        assert host in SERVICES, f"{key}={value}"
        inner = 29092 if host == "kafka" else INNER_PORTS.get(key, port)
        assert keys.port_of(value) == inner, f"{key}={value}"


@each_service
def test_what_is_mounted_is_there(name: str) -> None:
    sources = [volume.split(":")[0] for volume in SERVICES[name].get("volumes", ())]
    files = [ROOT / source for source in sources if source.startswith(".")]
    assert [file for file in files if not file.exists()] == []
    assert {source for source in sources if not source.startswith(".")} <= set(COMPOSE["volumes"])


@each_service
def test_what_is_mounted_from_the_tree_cannot_be_written(name: str) -> None:
    mounts = [v for v in SERVICES[name].get("volumes", ()) if v.startswith(".")]
    assert [mount for mount in mounts if not mount.endswith(":ro")] == []


def test_no_volume_is_left_over() -> None:
    mounted = {v.split(":")[0] for each in SERVICES.values() for v in each.get("volumes", ())}
    assert set(COMPOSE["volumes"]) <= mounted
    assert {settings for settings in COMPOSE["volumes"].values() if settings} == set()


@each_service
def test_image_is_pinned_and_can_be_had(name: str) -> None:
    service = SERVICES[name]
    build = service.get("build", {})
    images = [service["image"], *(_default(value) for value in build.get("args", {}).values())]
    for image in images:
        assert VERSION.fullmatch(image), image
        assert not image.removeprefix("docker.io/").startswith(WITHDREW), image
    assert service["image"].startswith("lakeproof/") == bool(build)


@each_service
def test_service_says_whether_it_is_healthy(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= set(check)


@each_service
def test_service_waits_for_the_health_of_what_it_needs(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        # In every profile that starts this one, the other is started too.
        own, others = (set(SERVICES[each]["profiles"]) for each in (name, needed))
        assert own <= others, f"{name} needs {needed}"


@each_service
def test_memory_is_limited(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])


@each_service
def test_service_can_gain_no_privilege(name: str) -> None:
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert not {"cap_add", "privileged", "pid", "ipc", "network_mode"} & set(SERVICES[name])


@each_service
def test_service_is_not_root(name: str) -> None:
    user, _, group = SERVICES[name]["user"].partition(":")
    assert int(user) > 0
    assert group.isdecimal()


@each_service
def test_only_two_images_that_write_their_own_configuration_have_a_root_to_write(name: str) -> None:
    assert SERVICES[name]["read_only"] is (name not in ("kafka", "connect"))


@each_service
def test_ports_are_on_loopback(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@each_service
def test_service_comes_back(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_no_value_in_the_file_is_a_secret() -> None:
    pairs = re.findall(r"^ +(\w*(?:PASSWORD|SECRET|TOKEN|KEY)\w*): (.+)$", FILE.read_text(), re.M)
    named = [(key, value) for key, value in pairs if "CONVERTER" not in key]
    assert len(named) > 10
    assert [pair for pair in named if not VARIABLE.fullmatch(pair[1])] == []


def _default(value: str) -> str:
    return VARIABLE.fullmatch(value)[3]  # type: ignore[index]
