"""How many orders Kafka has, and a reader finds in bronze and in the near-real-time mart."""

from clickhouse_connect.driver.exceptions import DatabaseError

from jobs.commits import last_record
from jobs.session import clickhouse
from jobs.settings import Settings
from jobs.topics import end_offsets


def in_kafka(settings: Settings) -> int:
    """Records that the broker ever took, those it deleted since included.

    Raises: ServiceDown.
    """
    return sum(end_offsets(settings, settings.topic("orders")).values())


def in_bronze(settings: Settings) -> int:
    """Records of Kafka that bronze has.

    Raises: ServiceDown.
    """
    record = last_record(settings, settings.table_path("bronze.orders"))
    return sum(record.inputs.values()) if record else 0


def in_mart(settings: Settings) -> int:
    """Orders in the mart; 0 before there is one.

    Raises: ServiceDown.
    """
    query = f"SELECT sum(orders_count) FROM {settings.database('gold')}.revenue_per_minute"
    try:
        return int(clickhouse(settings).query(query).result_rows[0][0])
    except DatabaseError:
        return 0
