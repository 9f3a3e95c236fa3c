"""What of the running stack can be reached: declared ports, from this machine, by no easy login."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import psutil
import psycopg2
import pytest
import requests
from minio import Minio
from minio.error import S3Error
from urllib3 import PoolManager, Retry

from infra.native import surface
from infra.native.instance import Instance, load
from infra.native.keys import PORT_KEYS, secrets_in
from jobs.settings import Settings
from tests.conftest import TEST_INSTANCE

pytestmark = pytest.mark.integration

ANSWER_SECONDS = 10
LOGINS = [
    ("admin", "admin"), ("admin", "password"), ("admin", "admin123"), ("admin", "changeme"),
    ("root", "root"), ("root", ""), ("postgres", "postgres"), ("postgres", "password"),
    ("postgres", ""), ("minioadmin", "minioadmin"), ("minio", "minio123"), ("airflow", "airflow"),
    ("default", ""), ("default", "default"), ("clickhouse", "clickhouse"), ("loader", "loader"),
    ("analyst", "analyst"), ("connect", "connect"), ("kafka", "kafka"), ("test", "test"),
]  # fmt: skip


@pytest.fixture(scope="module")
def instance(stack: Settings) -> Instance:
    """The running instance."""
    return load(TEST_INSTANCE)


def test_what_listens_is_declared_and_for_this_machine_only(instance: Instance) -> None:
    found, services = surface.listeners(instance), (s for s in instance.services if s.port_key)
    declared = {instance.port(each.port_key, each.number) for each in services}
    assert declared <= {each.port for each in found}
    assert [each for each in found if not each.is_local] == []
    assert surface.undeclared(instance, found) == []
    assert list(surface.findings(instance, found)) == []


def other_addresses() -> Iterator[str]:
    """The addresses by which other machines know this one."""
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family == socket.AF_INET and not each.address.startswith("127."):
                yield each.address


def test_no_port_answers_at_an_address_that_others_can_reach(instance: Instance) -> None:
    ports = {each.port for each in surface.listeners(instance)} | {*instance.ports().values()}
    for address in other_addresses():
        for port in ports:
            with closing(socket.socket()) as probe:
                probe.settimeout(ANSWER_SECONDS)
                assert probe.connect_ex((address, port)) != 0, f"{address}:{port} answers"


def test_a_listener_for_all_and_one_that_nobody_declared_are_found(instance: Instance) -> None:
    first = int(surface.PORT_RANGE.read_text().split()[0])
    stranger = surface.Listener(1, "0.0.0.0", first - 1)
    assert not stranger.is_local
    assert surface.undeclared(instance, [stranger]) == [stranger]


def _store(settings: Settings, _: Instance, user: str, password: str) -> bool:
    address = settings.s3_endpoint.partition("//")[2]
    pool = PoolManager(retries=Retry(0))
    client = Minio(address, user, password or "none", secure=False, http_client=pool)
    try:
        client.list_buckets()
    except S3Error as error:
        assert error.code == "InvalidAccessKeyId", error
        return False
    return True


def _postgres(settings: Settings, instance: Instance, user: str, password: str) -> bool:
    port = instance.port("POSTGRES_DSN")
    try:
        psycopg2.connect(host="127.0.0.1", port=port, user=user, password=password, dbname="shop")
    except psycopg2.OperationalError as error:
        assert "authentication failed" in str(error) or "no password supplied" in str(error), error
        return False
    return True


def _page(answer: requests.Response) -> bool:
    assert answer.status_code in (200, 201, 204, 400, 401, 403), answer.text
    return answer.ok


def _store_console(_: Settings, instance: Instance, user: str, password: str) -> bool:
    url = f"http://127.0.0.1:{instance.port('S3_CONSOLE_PORT')}/api/v1/login"
    login = {"accessKey": user, "secretKey": password}
    return _page(requests.post(url, json=login, timeout=ANSWER_SECONDS))


def _connect(settings: Settings, _: Instance, user: str, password: str) -> bool:
    url = f"{settings.connect_url}/connectors"
    return _page(requests.get(url, auth=(user, password), timeout=ANSWER_SECONDS))


def _clickhouse(_: Settings, instance: Instance, user: str, password: str) -> bool:
    url = f"http://127.0.0.1:{instance.port('CLICKHOUSE_PORT')}/?query=select%201"
    return _page(requests.get(url, auth=(user, password), timeout=ANSWER_SECONDS))


def _shop_api(settings: Settings, _: Instance, user: str, password: str) -> bool:
    url = f"{settings.shop_api_url}/_admin/nobody"
    return _page(requests.delete(url, auth=(user, password), timeout=ANSWER_SECONDS))


def _console(settings: Settings, _: Instance, user: str, password: str) -> bool:
    """It has no users: either word might be its token."""
    url = f"{settings.console_url}/unlock"
    forms = ({"token": word, "back": "/"} for word in (user, password))
    return any(_page(requests.post(url, form, timeout=ANSWER_SECONDS)) for form in forms)


def _airflow(settings: Settings, _: Instance, user: str, password: str) -> bool:
    url, login = f"{settings.airflow_url}/auth/token", {"username": user, "password": password}
    return _page(requests.post(url, json=login, timeout=ANSWER_SECONDS))


# Whether a user and a password open what listens there.
DOORS: dict[str, Callable[[Settings, Instance, str, str], bool]] = {
    "S3_ENDPOINT": _store,
    "S3_CONSOLE_PORT": _store_console,
    "CONNECT_URL": _connect,
    "CLICKHOUSE_PORT": _clickhouse,
    "POSTGRES_DSN": _postgres,
    "SHOP_API_URL": _shop_api,
    "CONSOLE_URL": _console,
    "AIRFLOW_URL": _airflow,
}


def test_every_port_has_a_login_or_is_known_to_have_none() -> None:
    assert {*DOORS, *surface.WITHOUT_LOGIN, "SPARK_MASTER_PORT"} == {*PORT_KEYS}


@pytest.mark.parametrize("key", DOORS)
def test_no_usual_login_opens_it(stack: Settings, instance: Instance, key: str) -> None:
    assert [login for login in LOGINS if DOORS[key](stack, instance, *login)] == []


def test_their_own_logins_open_them(stack: Settings, instance: Instance) -> None:
    own = {
        "S3_ENDPOINT": (stack.s3_access_key, stack.s3_secret_key),
        "S3_CONSOLE_PORT": (stack.s3_access_key, stack.s3_secret_key),
        "CONNECT_URL": (stack.connect_user, stack.connect_password),
        "CLICKHOUSE_PORT": (stack.clickhouse_user, stack.clickhouse_password),
        "POSTGRES_DSN": ("postgres", stack.postgres_dsn.split(":")[2].partition("@")[0]),
        "SHOP_API_URL": (stack.s3_access_key, stack.s3_secret_key),
        "CONSOLE_URL": ("", stack.console_token),
        "AIRFLOW_URL": (stack.airflow_user, stack.airflow_password),
    }
    assert [key for key in DOORS if not DOORS[key](stack, instance, *own[key])] == []


def test_no_log_tells_a_password(instance: Instance) -> None:
    secrets = [secret.encode() for secret in secrets_in(instance.values).values()]
    logs = [path for path in (instance.state / "logs").rglob("*") if path.is_file()]
    assert {log.stem for log in logs} >= {service.name for service in instance.services}
    assert [log.name for log in logs for secret in secrets if secret in log.read_bytes()] == []
