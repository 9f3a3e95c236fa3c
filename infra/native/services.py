"""The services of the native runtime: one list that all of it is derived from."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Service:
    """How a service is supervised.

    `tier` orders the shutdown: what computes stops before what it reads and writes.
    `port_key` names the key that holds its port; services without one listen nowhere.
    """

    name: str
    tier: Literal["compute", "store"]
    port_key: str | None = None
    stop_signal: str = "TERM"
    starting_seconds: int = 3  # an end within this time counts as a failed start


SERVICES = (
    Service("minio", "store", "S3_ENDPOINT"),
    Service("kafka", "store", "KAFKA_BOOTSTRAP_SERVERS", starting_seconds=6),
    # INT is Postgres' fast shutdown; TERM would wait for every client to leave.
    Service("postgres", "store", "POSTGRES_DSN", stop_signal="INT"),
    Service("stubs", "store", "SHOP_API_URL"),
    Service("alerts", "store", "ALERT_URL"),
    Service("spark", "compute", "SPARK_REMOTE", starting_seconds=10),
    Service("connect", "compute", "CONNECT_URL", starting_seconds=10),
    Service("clickhouse", "compute", "CLICKHOUSE_PORT"),
    Service("airflow-api-server", "compute", "AIRFLOW_URL", starting_seconds=15),
    Service("airflow-scheduler", "compute", starting_seconds=15),
    Service("airflow-dag-processor", "compute", starting_seconds=15),
    Service("airflow-triggerer", "compute", starting_seconds=15),
)
NAMES = tuple(service.name for service in SERVICES)
