"""A member of a group in a process of its own, for the proof to kill: `worker.py <topic> <name>`.

Each message becomes a row in Postgres first, and is committed to Kafka afterwards.
"""

import sys
from contextlib import closing
from typing import Any

from answers.labs.kafka import handle, member
from jobs.session import postgres
from jobs.settings import load_settings

GROUP = "handled"
INSERT = "INSERT INTO {}.handled VALUES (%s, %s, %s, %s, clock_timestamp())"
# So long is a dead member missed. A broker allows no less than six seconds.
SESSION_SECONDS = 6
HEARTBEAT_SECONDS = 0.5


def main(topic: str, name: str) -> None:
    """Work until killed."""
    settings = load_settings()
    options = {
        "session_timeout_ms": SESSION_SECONDS * 1000,
        "heartbeat_interval_ms": int(HEARTBEAT_SECONDS * 1000),
        "max_poll_records": 20,
    }
    statement = INSERT.format(settings.schema("lab"))
    with closing(postgres(settings)) as database, database.cursor() as cursor:
        database.autocommit = True
        consumer = member(settings, topic, GROUP, **options)

        def insert(record: Any) -> None:
            cursor.execute(statement, [name, record.partition, record.offset, record.value])

        while True:
            handle(consumer, insert)


if __name__ == "__main__":
    main(*sys.argv[1:])
