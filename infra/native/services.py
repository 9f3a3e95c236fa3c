"""The services of an instance: one list that all of the native runtime is derived from."""

from dataclasses import dataclass
from typing import Literal

BROKERS = (1, 3)  # two would be no majority: with one of them dead, nothing could be decided
WORKERS = (0, 2)  # without workers, Spark's server computes by itself


@dataclass(frozen=True)
class Service:
    """How a service is supervised.

    `tier` orders the shutdown: what computes stops before what it reads and writes.
    `port_key` names the key that holds its port; services without one listen nowhere. Where the
    key holds a list, the service's is the one of its `number`.
    """

    name: str
    tier: Literal["compute", "store"]
    port_key: str = ""
    number: int = 1
    stop_signal: str = "TERM"
    starting_seconds: int = 3  # an end within this time counts as a failed start


def services(brokers: int, workers: int = 0) -> tuple[Service, ...]:
    """The services of an instance with so many Kafka brokers and Spark workers."""
    kafka = (_broker(number) for number in range(1, brokers + 1))
    spark = (_worker(number) for number in range(1, workers + 1))
    return (MINIO, *kafka, *OTHERS, *((MASTER, *spark) if workers else ()))


def _broker(number: int) -> Service:
    name = "kafka" if number == 1 else f"kafka-{number}"
    return Service(name, "store", "KAFKA_BOOTSTRAP_SERVERS", number, starting_seconds=6)


def _worker(number: int) -> Service:
    return Service(f"spark-worker-{number}", "compute", starting_seconds=6)


MINIO = Service("minio", "store", "S3_ENDPOINT")
MASTER = Service("spark-master", "compute", "SPARK_MASTER_PORT", starting_seconds=6)
OTHERS = (
    # INT is Postgres' fast shutdown; TERM would wait for every client to leave.
    Service("postgres", "store", "POSTGRES_DSN", stop_signal="INT"),
    Service("stubs", "store", "SHOP_API_URL"),
    Service("alerts", "store", "ALERT_URL"),
    Service("console", "compute", "CONSOLE_URL"),
    Service("metrics", "compute", "METRICS_URL"),
    Service("prometheus", "compute", "PROMETHEUS_URL"),
    Service("alertmanager", "compute", "ALERTMANAGER_URL"),
    Service("spark", "compute", "SPARK_REMOTE", starting_seconds=10),
    Service("connect", "compute", "CONNECT_URL", starting_seconds=10),
    Service("registry", "compute", "SCHEMA_REGISTRY_URL", starting_seconds=6),
    Service("clickhouse", "compute", "CLICKHOUSE_PORT"),
    Service("stream", "compute"),
    Service("airflow-api-server", "compute", "AIRFLOW_URL", starting_seconds=15),
    Service("airflow-scheduler", "compute", starting_seconds=15),
    Service("airflow-dag-processor", "compute", starting_seconds=15),
    Service("airflow-triggerer", "compute", starting_seconds=15),
)
# Of every service there can be, whether an instance has it or not.
NAMES = tuple(service.name for service in services(max(BROKERS), max(WORKERS)))
