"""Change data capture: every committed change of the shop's database onto a Kafka topic.

Debezium reads Postgres' log through a slot and a publication, first a snapshot of the tables, then
each change in the order of the log. A record is the row after the change (of a delete: before it)
with the operation, the transaction and the log's position.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from psycopg2 import sql

from jobs.alert import Alert, alert
from jobs.errors import LakeproofError, ServiceDown
from jobs.patience import Awaited, await_progress
from jobs.pull.postgres import SCHEMA
from jobs.session import postgres, require
from jobs.settings import Settings
from jobs.specs import load_specs

ANSWER_SECONDS = 30
HEARTBEAT_MS = 10_000
LOOKS_SECONDS = (0.2, 0.5)
SLOT = "SELECT {}, confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = %s"
# A message in the log, after all that is committed: the connector comes past it like any change.
MARK = "SELECT pg_logical_emit_message(true, 'lakeproof', 'up to here')"
MOST_RETAINED_BYTES = 1 << 30
FIELDS = "op:operation,source.lsn:lsn,source.txId:transaction_id,source.ts_us:committed_at_us"


@dataclass(frozen=True)
class Progress:
    """How far the capture is behind the database, and what that costs.

    `retained_bytes` is log that Postgres may not delete before the connector has read it.
    """

    state: str
    is_connected: bool
    behind_bytes: int
    retained_bytes: int


def tables(settings: Settings) -> dict[str, str]:
    """The captured tables by the topic that their changes go to."""
    sources = (spec.source for spec in load_specs().values())
    return {settings.topic(s.topic): s.capture for s in sources if s and s.capture}


def name(settings: Settings) -> str:
    """Of connector, publication and slot."""
    return f"{settings.namespace or 'main'}_{SCHEMA}_changes"


def start(settings: Settings) -> None:
    """Nothing; publication and connector are there and as described. Again changes nothing.

    Raises: ServiceDown; LakeproofError if the connector is refused.
    """
    _publish(settings)
    _ask(settings, "PUT", f"/connectors/{name(settings)}/config", json=_config(settings))


def stop(settings: Settings) -> None:
    """Nothing; connector, slot and publication are gone.

    Raises: ServiceDown.
    """
    _ask(settings, "DELETE", f"/connectors/{name(settings)}", missing_is_fine=True)
    with closing(postgres(settings)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(
            "SELECT pg_terminate_backend(active_pid, %s) FROM pg_replication_slots "
            "WHERE slot_name = %s AND active_pid IS NOT NULL",
            [ANSWER_SECONDS * 1000, name(settings)],
        )
        cursor.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
            "WHERE slot_name = %s",
            [name(settings)],
        )
        publication = sql.Identifier(name(settings))
        cursor.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(publication))


def progress(settings: Settings) -> Progress:
    """Where the capture stands.

    Raises: ServiceDown; LakeproofError if nothing is captured.
    """
    status = _ask(settings, "GET", f"/connectors/{name(settings)}/status", missing_is_fine=True)
    if status is None:
        raise LakeproofError(
            f"Nothing is captured: Kafka Connect has no connector {name(settings)}. `make up` "
            "starts it once all services answer."
        )
    states = {task["state"] for task in status["tasks"]} | {status["connector"]["state"]}
    with closing(postgres(settings)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT active, pg_current_wal_lsn() - confirmed_flush_lsn, "
            "pg_current_wal_lsn() - restart_lsn FROM pg_replication_slots WHERE slot_name = %s",
            [name(settings)],
        )
        active, behind, retained = cursor.fetchone() or (False, 0, 0)
    state = "RUNNING" if states == {"RUNNING"} else " ".join(sorted(states - {"RUNNING"}))
    return Progress(state, active, int(behind or 0), int(retained or 0))


def wait_until_caught_up(settings: Settings) -> None:
    """Nothing, once all that was committed until now is acknowledged by Kafka.

    Raises: ServiceDown; StandsStill with state and lag when neither changes for minutes.
    """
    with closing(postgres(settings)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        # A new slot stands at the log's end while the snapshot is still being read.
        _await_slot(cursor, "active", [], settings)
        cursor.execute(MARK)
        mark = list(cursor.fetchone() or ())
        _await_slot(cursor, "confirmed_flush_lsn >= %s", mark, settings)


def _await_slot(cursor: Any, condition: str, values: list[Any], settings: Settings) -> None:
    place = None

    def holds() -> bool:
        nonlocal place
        cursor.execute(SLOT.format(condition), [*values, name(settings)])
        reached, place = cursor.fetchone() or (False, None)
        return bool(reached)

    def last_words() -> str:
        return (
            f"the capture stands at {progress(settings)}. `make logs S=connect` says why; nothing "
            "is lost, Postgres keeps the log until it was read."
        )

    what = f"the capture {name(settings)} to reach what is committed"
    await_progress(holds, Awaited(lambda: what, lambda: [place], last_words), LOOKS_SECONDS)


def watch_over(settings: Settings) -> Progress:
    """Where the capture stands; what has failed is started again, and people are told.

    Raises: ServiceDown; LakeproofError if nothing is captured.
    """
    found = progress(settings)
    if found.state != "RUNNING":
        only = "?includeTasks=true&onlyFailed=true"
        _ask(settings, "POST", f"/connectors/{name(settings)}/restart{only}")
        _tell(settings, f"the capture of the shop's changes is {found.state}; restarted", found)
    elif found.retained_bytes > MOST_RETAINED_BYTES:
        mib = found.retained_bytes >> 20
        _tell(settings, f"the slot of the shop's changes holds back {mib} MiB of log", found)
    return found


def _tell(settings: Settings, title: str, found: Progress) -> None:
    alert(settings, Alert(title, "critical", name(settings), str(found)))


def _publish(settings: Settings) -> None:
    """Nothing; the publication is of exactly the captured tables, whose whole rows are logged.

    Otherwise the log has of a deleted row its key alone, and no long text that did not change.
    """
    schema, publication = settings.schema(SCHEMA), sql.Identifier(name(settings))
    wanted = [sql.Identifier(schema, table) for table in tables(settings).values()]
    with closing(postgres(settings)) as connection, connection, connection.cursor() as cursor:
        for table in wanted:
            cursor.execute(sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(table))
        cursor.execute("SELECT 1 FROM pg_publication WHERE pubname = %s", [name(settings)])
        statement = (
            "ALTER PUBLICATION {} SET TABLE {}"
            if cursor.fetchone()
            else "CREATE PUBLICATION {} FOR TABLE {}"
        )
        cursor.execute(sql.SQL(statement).format(publication, sql.SQL(", ").join(wanted)))


def _config(settings: Settings) -> dict[str, str]:
    address, schema = urlsplit(settings.postgres_dsn), settings.schema(SCHEMA)
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": str(address.hostname),
        "database.port": str(address.port),
        "database.user": unquote(address.username or ""),
        "database.password": "${env:POSTGRES_PASSWORD}",
        "database.dbname": address.path.lstrip("/"),
        "plugin.name": "pgoutput",
        "slot.name": name(settings),
        "publication.name": name(settings),
        "publication.autocreate.mode": "disabled",
        "table.include.list": ",".join(f"{schema}.{table}" for table in tables(settings).values()),
        "topic.prefix": name(settings),
        "snapshot.mode": "when_needed",
        # While others write and the captured tables rest, the slot must not hold back the log.
        "heartbeat.interval.ms": str(HEARTBEAT_MS),
        "heartbeat.action.query": MARK,
        "topic.creation.default.partitions": "1",
        "topic.creation.default.replication.factor": "-1",  # as many as there are brokers
        **_transforms(settings),
    }


def _transforms(settings: Settings) -> dict[str, str]:
    """How Debezium's envelope becomes a flat record on the topic of its table."""
    connect, debezium = "org.apache.kafka.connect.transforms", "io.debezium.transforms"
    steps = {
        "unwrap": {
            "type": f"{debezium}.ExtractNewRecordState",
            "add.fields": FIELDS,
            "add.fields.prefix": "",
            "delete.tombstone.handling.mode": "rewrite",
        },
        # The operation says it already.
        "drop": {"type": f"{connect}.ReplaceField$Value", "exclude": "__deleted"},
    }
    for topic, table in tables(settings).items():
        place = rf".*\.{settings.schema(SCHEMA)}\.{table}"
        route = {"type": f"{connect}.RegexRouter", "regex": place, "replacement": topic}
        steps[f"to_{table}"] = route
    flat = {f"transforms.{step}.{k}": v for step, said in steps.items() for k, v in said.items()}
    return {"transforms": ",".join(steps), **flat}


def _ask(
    settings: Settings, method: str, path: str, missing_is_fine: bool = False, json: Any = None
) -> Any:
    require("connect", urlsplit(settings.connect_url).netloc)
    url = f"{settings.connect_url}{path}"
    login = (settings.connect_user, settings.connect_password)
    try:
        answer = requests.request(method, url, auth=login, json=json, timeout=ANSWER_SECONDS)
    except requests.RequestException as error:
        raise ServiceDown("connect", settings.connect_url, error) from error
    if answer.status_code == 404 and missing_is_fine:
        return None
    if not answer.ok:
        raise LakeproofError(
            f"Kafka Connect refused {method} {path}: {answer.status_code} {answer.text[:500]}. "
            "Nothing was changed; `make logs S=connect` shows more."
        )
    return answer.json() if answer.content else None
