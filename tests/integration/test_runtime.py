"""The running stack: right logins work and wrong ones do not, what is killed comes back."""

from functools import partial

import clickhouse_connect
import psutil
import psycopg2
import pytest
import requests
from clickhouse_connect.driver.exceptions import DatabaseError
from minio import Minio
from minio.error import S3Error

from infra.native import processes, status, supervise
from infra.native.health import CHECKS
from infra.native.instance import Instance, load
from infra.native.services import services
from infra.native.up import up
from jobs.settings import Settings
from tests.integration.services import pid_of, wait_until

pytestmark = pytest.mark.integration

NAMES = [service.name for service in services(brokers=1)]
OF_WORKERS = ("SPARK_MASTER_PORT", "SPARK_CLUSTER_URL")  # this instance has none
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


@pytest.fixture
def instance(stack: Settings) -> Instance:
    return load(stack.instance)


@pytest.mark.parametrize("service", NAMES)
def test_service_answers_a_real_request(service: str, stack: Settings) -> None:
    CHECKS[service](stack)


def test_object_store_refuses_a_wrong_secret(stack: Settings) -> None:
    host = stack.s3_endpoint.partition("://")[2]
    for user, secret in ((stack.s3_access_key, "wrong-secret"), ("minioadmin", "minioadmin")):
        client = Minio(endpoint=host, access_key=user, secret_key=secret, secure=False)
        with pytest.raises(S3Error) as refusal:
            client.list_buckets()
        assert refusal.value.code in ("SignatureDoesNotMatch", "InvalidAccessKeyId")


def test_object_store_refuses_strangers(stack: Settings) -> None:
    answer = requests.get(f"{stack.s3_endpoint}/{stack.s3_bucket}", timeout=10)
    assert answer.status_code == 403


def test_clickhouse_refuses_a_wrong_password(stack: Settings) -> None:
    for user, password in ((stack.clickhouse_user, "wrong"), ("default", "")):
        with pytest.raises(DatabaseError, match="AUTHENTICATION_FAILED|REQUIRED_PASSWORD|516"):
            clickhouse_connect.get_client(
                host=stack.clickhouse_host,
                port=stack.clickhouse_port,
                username=user,
                password=password,
            )


@pytest.mark.parametrize("database", ["shop", "airflow"])
def test_postgres_has_both_databases_and_refuses_a_wrong_password(
    database: str, stack: Settings
) -> None:
    connect = partial(psycopg2.connect, stack.postgres_dsn, dbname=database, connect_timeout=10)
    connect().close()
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(password="wrong")


def test_airflow_refuses_a_wrong_password_and_requests_without_login(stack: Settings) -> None:
    login = {"username": stack.airflow_user, "password": "wrong"}
    token = requests.post(f"{stack.airflow_url}/auth/token", json=login, timeout=10)
    dags = requests.get(f"{stack.airflow_url}/api/v2/dags", timeout=10)
    assert (token.status_code, dags.status_code) == (401, 401)


def test_status_shows_every_service_running(instance: Instance) -> None:
    found = {row.service: row for row in status.rows(instance)}
    assert {name: found[name].state for name in NAMES} == dict.fromkeys(NAMES, "RUNNING")
    assert all(found[name].memory_bytes > 0 for name in NAMES)
    assert found["kafka"].port == instance.port("KAFKA_BOOTSTRAP_SERVERS")


def test_every_listening_port_is_on_loopback(instance: Instance) -> None:
    members = {process.pid: process.name() for process in processes.of(instance.state)}
    listening = {
        (members[connection.pid], connection.laddr.ip, connection.laddr.port)
        for connection in psutil.net_connections("tcp")
        if connection.pid in members and connection.status == psutil.CONN_LISTEN
    }
    exposed = {entry for entry in listening if entry[1] not in LOOPBACK}
    assert exposed == set()
    declared = {port for key, port in instance.ports().items() if key not in OF_WORKERS}
    assert declared <= {port for _, _, port in listening}


@pytest.mark.alone
def test_killed_kafka_comes_back_by_itself(stack: Settings) -> None:
    killed = pid_of("kafka")
    psutil.Process(killed).kill()
    wait_until(lambda: pid_of("kafka") not in (0, killed), "a new process of kafka")
    up(stack.instance)
    CHECKS["kafka"](stack)


@pytest.mark.alone
def test_killed_scheduler_leaves_no_worker_behind(stack: Settings) -> None:
    scheduler = psutil.Process(pid_of("airflow-scheduler"))
    workers = scheduler.children(recursive=True)
    assert workers
    scheduler.kill()
    wait_until(lambda: not any(worker.is_running() for worker in workers), "the workers' end")
    up(stack.instance)


@pytest.mark.alone
def test_second_start_changes_nothing(instance: Instance, stack: Settings) -> None:
    before = supervise.processes(instance)
    up(stack.instance)
    assert supervise.processes(instance) == before
