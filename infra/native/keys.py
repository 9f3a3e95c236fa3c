"""Every key of an instance's env file: what it is for, how its first value is made."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

EXAMPLE_SECRET = "random-at-first-start"


@dataclass(frozen=True)
class Key:
    """One line of an env file. `{port}` in the value is the port, `{secret}` a random text.

    `port` is the main instance's; 0 means that the value holds none.
    """

    name: str
    meaning: str
    value: str
    port: int = 0

    def fill(self, secret: str, offset: int = 0) -> str:
        """The value with the secret and the port, moved by the instance's offset, filled in."""
        return self.value.format(secret=secret, port=self.port + offset)


KEYS = (
    Key("S3_ENDPOINT", "where the object store (MinIO) listens", "http://127.0.0.1:{port}", 9000),
    Key("S3_CONSOLE_PORT", "port of MinIO's web console", "{port}", 9001),
    Key("S3_ACCESS_KEY", "user of the object store", "lake{secret}"),
    Key("S3_SECRET_KEY", "password of the object store", "{secret}"),
    Key("S3_BUCKET", "bucket that holds the lake", "lake"),
    Key(
        "KAFKA_BOOTSTRAP_SERVERS",
        "where the Kafka broker listens, or each of three",
        "127.0.0.1:{port}",
        9092,
    ),
    Key(
        "KAFKA_CONTROLLER_PORT",
        "port Kafka's controller uses internally, or each of three",
        "{port}",
        9093,
    ),
    Key(
        "KAFKA_METRICS_PORT",
        "port of the broker's own metrics, or of each of three",
        "{port}",
        8065,
    ),
    Key("CONNECT_URL", "where Kafka Connect listens", "http://127.0.0.1:{port}", 8083),
    Key("CONNECT_USER", "user that may configure Kafka Connect", "connect"),
    Key("CONNECT_PASSWORD", "password of that user", "{secret}"),
    Key(
        "SCHEMA_REGISTRY_URL",
        "where the schema registry answers as Confluent's does",
        "http://127.0.0.1:{port}/apis/ccompat/v7",
        8081,
    ),
    Key("SPARK_REMOTE", "where the Spark Connect server listens", "sc://127.0.0.1:{port}", 15002),
    Key("SPARK_UI_PORT", "port of Spark's web UI", "{port}", 4040),
    Key("SPARK_WORKERS", "Spark's worker processes, or 0: then its server computes itself", "0"),
    Key("SPARK_MASTER_PORT", "port of the workers' master, if there are any", "{port}", 7077),
    Key(
        "SPARK_CLUSTER_URL", "the master's page about its workers", "http://127.0.0.1:{port}", 8064
    ),
    Key("SPARK_CLUSTER_SECRET", "what the parts of Spark know each other by", "{secret}"),
    Key("CLICKHOUSE_HOST", "where ClickHouse listens", "127.0.0.1"),
    Key("CLICKHOUSE_PORT", "ClickHouse's HTTP port", "{port}", 8123),
    Key("CLICKHOUSE_USER", "user that loads the marts", "loader"),
    Key("CLICKHOUSE_PASSWORD", "password of the loading user", "{secret}"),
    Key("CLICKHOUSE_ANALYST_USER", "user that may only read the marts", "analyst"),
    Key("CLICKHOUSE_ANALYST_PASSWORD", "password of the reading user", "{secret}"),
    Key(
        "POSTGRES_DSN",
        "the shop's database; Airflow's metadata is on the same server",
        "postgresql://postgres:{secret}@127.0.0.1:{port}/shop",
        5433,
    ),
    Key(
        "SHOP_API_URL",
        "where the stubs of the ad platforms and the CRM listen",
        "http://127.0.0.1:{port}",
        8090,
    ),
    Key("ALERT_URL", "where alerts are posted to", "http://127.0.0.1:{port}", 8091),
    Key("CONSOLE_URL", "the console: answers and their proofs", "http://127.0.0.1:{port}", 8070),
    Key("CONSOLE_TOKEN", "lets a browser run proofs from the console", "{secret}"),
    Key("METRICS_URL", "where the metrics are read", "http://127.0.0.1:{port}", 8060),
    Key("PROMETHEUS_URL", "Prometheus: metrics over time", "http://127.0.0.1:{port}", 8061),
    Key("ALERTMANAGER_URL", "who is told of which alert", "http://127.0.0.1:{port}", 8062),
    Key("ALERT_SMTP", "where alerts are mailed to", "127.0.0.1:{port}", 8063),
    Key("AIRFLOW_URL", "Airflow's web page and API", "http://127.0.0.1:{port}", 8080),
    Key("AIRFLOW_USER", "login of Airflow's administrator", "admin"),
    Key("AIRFLOW_PASSWORD", "password of Airflow's administrator", "{secret}"),
    Key("AIRFLOW_JWT_SECRET", "signs the tokens of Airflow's tasks and API", "{secret}"),
    Key("AIRFLOW_API_SECRET", "signs the sessions of Airflow's web page", "{secret}"),
    # 32 random bytes are 43 characters of base64; a Fernet key is those with their padding.
    Key("AIRFLOW_FERNET_KEY", "encrypts the connections Airflow stores", "{secret}="),
)
PORT_KEYS = tuple(key.name for key in KEYS if key.port)
# Their values are lists, separated by commas, of one entry for each broker.
BROKER_KEYS = ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_CONTROLLER_PORT", "KAFKA_METRICS_PORT")
BROKER_STEP = 2


def new_values(offset: int, brokers: int = 1) -> dict[str, str]:
    """The values of a new instance: fresh secrets, the main instance's ports plus the offset."""
    values = {key.name: key.fill(secrets.token_urlsafe(32), offset) for key in KEYS}
    return with_brokers(values, brokers)


def with_brokers(values: Mapping[str, str], brokers: int) -> dict[str, str]:
    """The values for so many Kafka brokers, the first of which stays where it is."""
    changed = dict(values)
    for key in BROKER_KEYS:
        first = values[key].split(",")[0]
        port = port_of(first)
        host = first.removesuffix(str(port))
        changed[key] = ",".join(f"{host}{port + number * BROKER_STEP}" for number in range(brokers))
    return changed


def added_since(values: Mapping[str, str]) -> dict[str, str]:
    """What the values lack and can be given without a guess: all but secrets, with our ports.

    Nothing, where the values do not say which ports and how many brokers the instance has.
    """
    if not values.get("S3_ENDPOINT") or not values.get("KAFKA_BOOTSTRAP_SERVERS"):
        return {}
    [first] = (key for key in KEYS if key.name == "S3_ENDPOINT")
    brokers = values["KAFKA_BOOTSTRAP_SERVERS"].count(",") + 1
    given = new_values(port_of(values["S3_ENDPOINT"]) - first.port, brokers)
    lacking = (key for key in KEYS if not values.get(key.name) and "{secret}" not in key.value)
    return {key.name: given[key.name] for key in lacking}


def secrets_in(values: Mapping[str, str]) -> dict[str, str]:
    """The random part of each value that has one; the whole value where somebody rewrote it."""
    found = {}
    for key in KEYS:
        if "{secret}" in key.value and (value := values.get(key.name)):
            pattern = re.escape(key.value).replace(r"\{secret\}", "(.+)").replace(r"\{port\}", ".+")
            match = re.fullmatch(pattern, value)
            found[key.name] = match[1] if match else value
    return found


def ports(values: Mapping[str, str]) -> dict[str, int]:
    """Every port in the values by the key that holds it, numbered where it holds several.

    Raises: ValueError if such a key holds none.
    """
    return {
        key if number == 1 else f"{key} ({number})": port
        for key in PORT_KEYS
        for number, port in enumerate(ports_of(key, values[key]), 1)
    }


def render(values: Mapping[str, str]) -> str:
    """The text of an env file: each key below the line that says what it is for."""
    return "".join(f"# {key.meaning}\n{key.name}={values[key.name]}\n" for key in KEYS)


def example() -> str:
    """The text of .env.example: the main instance's ports and no real secret."""
    return render({key.name: key.fill(EXAMPLE_SECRET) for key in KEYS})


def ports_of(key: str, value: str) -> list[int]:
    """The port in a key's value, or the ports where it lists those of brokers.

    Raises: ValueError if there is none.
    """
    return [port_of(part) for part in (value.split(",") if key in BROKER_KEYS else [value])]


def port_of(value: str) -> int:
    """The port in `8123`, `host:8123` or `scheme://host:8123/path`.

    Raises: ValueError if there is none.
    """
    address = value.partition("://")[2] or value
    return int(address.rpartition("@")[2].partition("/")[0].partition(";")[0].rpartition(":")[2])
