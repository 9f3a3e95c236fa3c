"""A container's service has the settings of the native one, and its version."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from infra.clickhouse.handle import _ANALYST_LIMITS
from infra.native import keys
from jobs.settings import ROOT

SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
# Natively on loopback at a port of the instance's; the image's own names for four of Connect's.
FILLED_IN = re.compile(r"(?<!\$)\$\{\w+\}")
ELSEWHERE = {"quarkus.http.host", "listeners", "rest.advertised.host.name", "bootstrap.servers"}
CONNECT_NAMES = (
    "group.id", "config.storage.topic", "offset.storage.topic", "status.storage.topic",
    "key.converter", "value.converter", "offset.flush.interval.ms",
)  # fmt: skip


def properties(path: Path) -> dict[str, str]:
    """The settings of a native template, its escaped dollars as compose writes them."""
    lines = (line for line in path.read_text().splitlines() if line and line[0] != "#")
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def variable(name: str, prefix: str) -> str:
    """The environment variable that an image takes for a property."""
    bare = prefix == "CONNECT_" and name in CONNECT_NAMES
    return ("" if bare else prefix) + re.sub(r"[^A-Z0-9]", "_", name.upper())


@pytest.mark.parametrize(
    ("service", "file", "prefix"),
    [("registry", "registry.properties", ""), ("connect", "worker.properties", "CONNECT_")],
)
def test_every_native_property_is_set_in_the_container(
    service: str, file: str, prefix: str
) -> None:
    given = SERVICES[service]["environment"]
    for name, value in properties(ROOT / "infra" / service / file).items():
        if name in ELSEWHERE:
            continue
        found = given[variable(name, prefix)]
        if not FILLED_IN.search(value) and "POSTGRES_PASSWORD}" not in value:
            assert found == value, name


def test_what_kafkas_template_leaves_open_is_filled_in() -> None:
    given = SERVICES["kafka"]["environment"]
    template = properties(ROOT / "infra" / "kafka" / "server.properties")
    open_ones = {name for name, value in template.items() if FILLED_IN.search(value)}
    assert open_ones
    assert {name for name in open_ones if variable(name, "KAFKA_") not in given} == set()


@pytest.mark.parametrize(
    ("service", "artifact"),
    [
        ("kafka", "kafka_2.13"),
        ("connect", "debezium-connector-postgres"),
        ("registry", "apicurio-registry-app"),
    ],
)
def test_image_is_of_the_version_of_the_pom(service: str, artifact: str) -> None:
    pom = (ROOT / "infra" / service / "pom.xml").read_text()
    version = re.search(rf"<artifactId>{artifact}</artifactId><version>([^<]+)<", pom)
    assert version
    assert SERVICES[service]["image"].rpartition(":")[2] == version[1]


def test_clickhouse_has_the_two_users_and_no_default_one() -> None:
    root = ET.parse(ROOT / "infra" / "docker" / "clickhouse-users.xml").getroot()
    users = {user.tag: user for user in root.find("users") or ()}
    assert users.pop("default").attrib == {"remove": "remove"}
    values = {key.name: key.value for key in keys.KEYS}
    assert set(users) == {values["CLICKHOUSE_USER"], values["CLICKHOUSE_ANALYST_USER"]}
    given = SERVICES["clickhouse"]["environment"]
    for user in users.values():
        assert [password.attrib["from_env"] in given for password in user.iter("password")] == [
            True
        ]
        assert not (user.findtext("password") or "").strip()


def test_the_analysts_limits_are_the_native_ones() -> None:
    root = ET.parse(ROOT / "infra" / "docker" / "clickhouse-users.xml").getroot()
    profile = {item.tag: int(item.text or "") for item in root.find("profiles/analyst") or ()}
    assert profile == _ANALYST_LIMITS


def test_prometheus_reads_services_where_they_are() -> None:
    jobs = yaml.safe_load((ROOT / "infra/docker/prometheus.yml").read_text())["scrape_configs"]
    targets = [
        target for job in jobs for part in job["static_configs"] for target in part["targets"]
    ]
    for host, port in (target.split(":") for target in targets):
        inner = [mapping.rpartition(":")[2] for mapping in SERVICES[host]["ports"]]
        assert port in inner, host
