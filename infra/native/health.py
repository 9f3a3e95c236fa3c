"""One real request to each service: what it takes to call it healthy."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import requests

from infra.native.command import accepts
from infra.native.keys import port_of
from infra.spark.health import check_spark, check_spark_master, check_spark_worker
from jobs.errors import ServiceDown
from jobs.settings import Settings

Check = Callable[[Settings], None]
ANSWER_SECONDS = 10
# Younger than the time a component must run to count as started: the beat is its own.
HEARTBEAT_AGE = timedelta(seconds=15)


def check_minio(settings: Settings) -> None:
    """Ready, the keys are accepted and the bucket is there (it is made if not)."""
    from minio import Minio
    from minio.error import MinioException
    from urllib3.exceptions import HTTPError

    address = settings.s3_endpoint
    try:
        requests.get(f"{address}/minio/health/ready", timeout=ANSWER_SECONDS).raise_for_status()
        host = address.partition("://")[2]
        client = Minio(
            endpoint=host,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key,
            secure=False,
        )
        if not client.bucket_exists(bucket_name=settings.s3_bucket):
            client.make_bucket(bucket_name=settings.s3_bucket)
    except (requests.RequestException, MinioException, HTTPError) as error:
        raise ServiceDown("minio", address, error) from error


def check_kafka(service: str, number: int) -> Check:
    """A check of a broker: it answers a metadata request, and says that it takes part."""

    def check(settings: Settings) -> None:
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        address = settings.kafka_bootstrap_servers.split(",")[number - 1]
        _require_port(service, address)
        try:
            client = KafkaAdminClient(bootstrap_servers=address, bootstrap_timeout_ms=5000)
            try:
                brokers = client.describe_cluster()["brokers"]
            finally:
                client.close()
        except KafkaError as error:
            raise ServiceDown(service, address, error) from error
        if number not in {each["broker_id"] for each in brokers if not each["is_fenced"]}:
            raise ServiceDown(service, address, "the other brokers do not count on it yet")

    return check


def check_postgres(settings: Settings) -> None:
    """The shop's database answers `select 1`."""
    import psycopg2

    address = settings.postgres_dsn.rpartition("@")[2]
    try:
        connection = psycopg2.connect(settings.postgres_dsn, connect_timeout=ANSWER_SECONDS)
        connection.cursor().execute("select 1")
        connection.close()
    except psycopg2.OperationalError as error:
        raise ServiceDown("postgres", address, error) from error


def check_clickhouse(settings: Settings) -> None:
    """The loading user logs in and gets an answer to `select 1`."""
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import Error

    address = f"{settings.clickhouse_host}:{settings.clickhouse_port}"
    _require_port("clickhouse", address)
    try:
        client = clickhouse_connect.get_client(
            host=settings.clickhouse_host,
            port=settings.clickhouse_port,
            username=settings.clickhouse_user,
            password=settings.clickhouse_password,
        )
        client.query("select 1")
        client.close()
    except Error as error:
        raise ServiceDown("clickhouse", address, error) from error


def check_stream(settings: Settings) -> None:
    """Its process was heard of a moment ago, whatever is wanted of it."""
    from psycopg2 import Error

    from jobs.stream.control import status

    try:
        age = timedelta(seconds=status(settings).beat_seconds)
    except Error as error:
        raise ServiceDown("stream", "the database", error) from error
    if age > HEARTBEAT_AGE:
        raise ServiceDown("stream", "the database", f"last heartbeat {age.seconds} s ago")


def check_airflow(component: str) -> Check:
    """A check of a component's last sign of life on Airflow's health page.

    The page calls a component healthy for 30 s after its end; we want to know sooner.
    """

    def check(settings: Settings) -> None:
        service = f"airflow-{component.replace('_', '-')}"
        try:
            said = _airflow_health(settings)[component]
            beat = datetime.fromisoformat(said[f"latest_{component}_heartbeat"])
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise ServiceDown(service, settings.airflow_url, error) from error
        age = datetime.now(UTC) - beat
        if said["status"] != "healthy" or age > HEARTBEAT_AGE:
            what = f"{said['status']}, last heartbeat {age.seconds} s ago"
            raise ServiceDown(service, settings.airflow_url, what)

    return check


def check_airflow_api(settings: Settings) -> None:
    """The metadata database answers and the administrator gets a token."""
    login = {"username": settings.airflow_user, "password": settings.airflow_password}
    url = f"{settings.airflow_url}/auth/token"
    try:
        database = _airflow_health(settings)["metadatabase"]["status"]
        if database != "healthy":
            raise ServiceDown("airflow-api-server", settings.airflow_url, f"database {database}")
        requests.post(url, json=login, timeout=ANSWER_SECONDS).raise_for_status()
    except requests.RequestException as error:
        raise ServiceDown("airflow-api-server", url, error) from error


def no_login(_settings: Settings) -> None:
    """The login of a page that asks for none."""


def check_http(
    service: str,
    url_of: Callable[[Settings], str],
    page: str = "/health",
    login_of: Callable[[Settings], tuple[str, str] | None] = no_login,
) -> Check:
    """A check of a service: its page answers, to the login if it has one."""

    def check(settings: Settings) -> None:
        url = urljoin(url_of(settings), page)
        try:
            answer = requests.get(url, auth=login_of(settings), timeout=ANSWER_SECONDS)
            answer.raise_for_status()
        except requests.RequestException as error:
            raise ServiceDown(service, url, error) from error

    return check


CHECKS: dict[str, Check] = {
    "minio": check_minio,
    "kafka": check_kafka("kafka", 1),
    "kafka-2": check_kafka("kafka-2", 2),
    "kafka-3": check_kafka("kafka-3", 3),
    "postgres": check_postgres,
    "stubs": check_http("stubs", lambda settings: settings.shop_api_url),
    "alerts": check_http("alerts", lambda settings: settings.alert_url),
    "console": check_http("console", lambda settings: settings.console_url),
    "metrics": check_http("metrics", lambda settings: settings.metrics_url, "/metrics"),
    "prometheus": check_http("prometheus", lambda settings: settings.prometheus_url, "/-/ready"),
    "alertmanager": check_http(
        "alertmanager", lambda settings: settings.alertmanager_url, "/-/ready"
    ),
    "spark": check_spark,
    "connect": check_http(
        "connect",
        lambda settings: settings.connect_url,
        "/connectors",
        lambda settings: (settings.connect_user, settings.connect_password),
    ),
    "registry": check_http(
        "registry", lambda settings: f"{settings.schema_registry_url}/", "subjects"
    ),
    "clickhouse": check_clickhouse,
    "stream": check_stream,
    "airflow-api-server": check_airflow_api,
    "airflow-scheduler": check_airflow("scheduler"),
    "airflow-dag-processor": check_airflow("dag_processor"),
    "airflow-triggerer": check_airflow("triggerer"),
    "spark-master": check_spark_master,
    "spark-worker-1": check_spark_worker(1),
    "spark-worker-2": check_spark_worker(2),
}


def beat_ages(settings: Settings) -> dict[str, float]:
    """Seconds since the last sign of life of each service that gives one.

    Without those that cannot be asked about: who knows their beats does not answer, or never saw
    one.
    """
    from psycopg2 import Error

    from jobs.stream.control import status

    found = {}
    with suppress(ServiceDown, Error):
        found["stream"] = status(settings).beat_seconds
    with suppress(requests.RequestException):
        for component, said in _airflow_health(settings).items():
            if beat := said.get(f"latest_{component}_heartbeat"):
                age = datetime.now(UTC) - datetime.fromisoformat(beat)
                found[f"airflow-{component.replace('_', '-')}"] = age.total_seconds()
    return found


def _airflow_health(settings: Settings) -> dict[str, dict[str, str]]:
    url = f"{settings.airflow_url}/api/v2/monitor/health"
    answer = requests.get(url, timeout=ANSWER_SECONDS)
    answer.raise_for_status()
    health: dict[str, dict[str, str]] = answer.json()
    return health


def _require_port(service: str, address: str) -> None:
    """Their clients would repeat for minutes what a closed port tells at once."""
    if not accepts(port_of(address)):
        raise ServiceDown(service, address, "the port is closed")
