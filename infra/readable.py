"""What Kafka has, and what a reader finds in a table and in the near-real-time mart."""

from clickhouse_connect.driver.exceptions import DatabaseError
from pyspark.sql import DataFrame

from jobs.commits import last_record
from jobs.session import clickhouse, spark
from jobs.settings import Settings
from jobs.topics import end_offsets

ORDERS = "orders"


def in_kafka(settings: Settings, topic: str = ORDERS) -> int:
    """Records of a topic that the broker ever took, those it deleted since included.

    Raises: ServiceDown.
    """
    return sum(end_offsets(settings, settings.topic(topic)).values())


def in_bronze(settings: Settings, topic: str = ORDERS) -> int:
    """Records of a topic that bronze has.

    Raises: ServiceDown.
    """
    record = last_record(settings, settings.table_path(f"bronze.{topic}"))
    return sum(record.inputs.values()) if record else 0


def rows_of(settings: Settings, table: str) -> DataFrame:
    """A table of the lake as it is now.

    Raises: ServiceDown.
    """
    return spark(settings).read.format("delta").load(settings.table_path(table))


def in_mart(settings: Settings) -> int:
    """Orders in the mart; 0 before there is one.

    Raises: ServiceDown.
    """
    query = f"SELECT sum(orders_count) FROM {settings.database('gold')}.revenue_per_minute"
    try:
        return int(clickhouse(settings).query(query).result_rows[0][0])
    except DatabaseError:
        return 0
