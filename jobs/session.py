"""Connections to the services, each checked first so that a failure names its service."""

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from minio import Minio
from urllib3 import PoolManager, Retry, Timeout

from jobs.errors import ServiceDown
from jobs.patience import await_true
from jobs.settings import Settings

if TYPE_CHECKING:
    from psycopg2.extensions import connection
    from pyspark.sql import SparkSession

PROBE_SECONDS = 5.0
RESTART_SECONDS = 20.0


class _OfThread(threading.local):
    """By server, a thread's session: what a run sets in its own is no other run's business."""

    def __init__(self) -> None:
        self.sessions: dict[str, SparkSession] = {}


_mine = _OfThread()


def require(service: str, address: str, patience_seconds: float = 0.0) -> None:
    """Nothing, once the service accepts a connection.

    Raises: ServiceDown naming service and address when it does not within the patience.
    """
    host, _, port = address.rpartition(":")

    def answers() -> bool:
        socket.create_connection((host, int(port)), timeout=PROBE_SECONDS).close()
        return True

    def down(cause: Exception | None) -> ServiceDown:
        return ServiceDown(service, address, getattr(cause, "strerror", None) or cause or "")

    await_true(answers, patience_seconds, down, not_yet=(OSError,))


def require_kafka(settings: Settings) -> None:
    """Nothing, once one of the brokers accepts a connection.

    Raises: ServiceDown.
    """
    *others, last = settings.kafka_bootstrap_servers.split(",")
    for address in others:
        with suppress(ServiceDown):
            return require("kafka", address)
    require("kafka", last)


def require_object_store(settings: Settings) -> None:
    """Nothing, once the object store accepts a connection.

    Raises: ServiceDown.
    """
    require("minio", urlsplit(settings.s3_endpoint).netloc)


def object_store(settings: Settings) -> Minio:
    """A client of the object store.

    Raises: ServiceDown if the store does not answer.
    """
    require_object_store(settings)
    address = urlsplit(settings.s3_endpoint)
    return Minio(
        address.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        secure=address.scheme == "https",
        http_client=PoolManager(timeout=Timeout(PROBE_SECONDS * 2), retries=Retry(2)),
    )


def spark(settings: Settings) -> "SparkSession":
    """This thread's session on the Spark Connect server; store and server were seen to listen.

    A server that was just killed is given the seconds its supervisor needs to bring it back. A
    session that the server no longer knows, of a server before it or idle for too long, is
    replaced by a new one.
    Raises: ServiceDown.
    """
    require_object_store(settings)
    require("spark", urlsplit(settings.spark_remote).netloc, RESTART_SECONDS)
    session = _mine.sessions.get(settings.spark_remote)
    if session is None or not _is_known(session):
        release(settings)
        session = _mine.sessions[settings.spark_remote] = _open(settings.spark_remote)
    return session


def _is_known(session: "SparkSession") -> bool:
    """Whether the server answers in this session; it costs 2 ms."""
    from pyspark.errors.exceptions.connect import SparkConnectException

    try:
        return bool(session.conf.get("spark.sql.session.timeZone"))
    except SparkConnectException:
        return False


def _open(remote: str) -> "SparkSession":
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session: SparkSession = SparkSession.builder.remote(remote).create()
    few_retries = DefaultPolicy(max_retries=4, initial_backoff=200, max_backoff=3000)
    cast(Any, session).client.set_retry_policies([few_retries])
    return session


def release(settings: Settings) -> None:
    """Nothing; this thread's session is gone, and the server has dropped what it cached."""
    session = _mine.sessions.pop(settings.spark_remote, None)
    if session is not None:
        session.stop()


def postgres(settings: Settings) -> "connection":
    """A connection to the shop's database; whoever opens it closes it.

    Raises: ServiceDown if the server does not answer.
    """
    import psycopg2

    address = urlsplit(settings.postgres_dsn)
    require("postgres", f"{address.hostname}:{address.port}")
    try:
        return psycopg2.connect(settings.postgres_dsn, connect_timeout=int(PROBE_SECONDS))
    except psycopg2.OperationalError as error:
        raise ServiceDown("postgres", f"{address.hostname}:{address.port}", error) from error


def clickhouse(settings: Settings) -> Any:
    """A clickhouse-connect client of the loader user.

    Raises: ServiceDown if the server does not answer.
    """
    import clickhouse_connect

    require("clickhouse", f"{settings.clickhouse_host}:{settings.clickhouse_port}")
    return clickhouse_connect.get_client(
        host=settings.clickhouse_host,
        port=settings.clickhouse_port,
        username=settings.clickhouse_user,
        password=settings.clickhouse_password,
        autogenerate_session_id=False,
    )
