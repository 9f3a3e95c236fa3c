"""How long an order is on its way: from the broker to bronze, and to the near-real-time mart.

The probe is the newest order itself, again and again: no made-up event is among the shop's. Whether
it is readable follows from what the commits say: the version the mart was loaded from names the
version of silver it was made of, that one bronze's, and that one the offsets it holds.
Source: docs/decisions/freshness.md
"""

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from threading import Event

from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from jobs.commits import RunRecord, last_record, records
from jobs.errors import ServiceDown
from jobs.serve import mart_name, served_version
from jobs.session import clickhouse, require_kafka
from jobs.settings import Settings
from jobs.specs import find_spec
from jobs.state import execute

BRONZE, MART = "bronze.orders", "gold.revenue_per_minute"
# A look costs 30 ms of a processor, here and in the object store.
LOOK_SECONDS = {"bronze": 0.25, "mart": 1.0}
REST_SECONDS = 2.0
ANSWER_MS = 5_000
TABLE = """
CREATE TABLE IF NOT EXISTS {schema}.freshness (
  partition int NOT NULL,
  "offset" bigint NOT NULL,
  acked_at timestamptz NOT NULL,
  bronze_at timestamptz,
  mart_at timestamptz,
  PRIMARY KEY (partition, "offset")
);
DELETE FROM {schema}.freshness WHERE acked_at < now() - interval '30 days'
"""
UNDER_WAY = """
SELECT partition, "offset", acked_at FROM {schema}.freshness
WHERE mart_at IS NULL ORDER BY acked_at LIMIT 1
"""
BEGIN = """
INSERT INTO {schema}.freshness VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING partition
"""
REACHED = """
UPDATE {schema}.freshness SET {place} = coalesce({place}, now())
WHERE partition = %s AND "offset" = %s
"""
WAITS = """
SELECT count(*), percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP
  (ORDER BY extract(epoch FROM {place} - acked_at)::float)
FROM {schema}.freshness WHERE acked_at > %s AND {place} IS NOT NULL
"""
PLACES = {"bronze": "bronze_at", "mart": "mart_at"}


@dataclass(frozen=True)
class Probe:
    """An order the broker took, and when."""

    partition: int
    offset: int
    acked_at: datetime


@dataclass(frozen=True)
class Waits:
    """Seconds from the broker until orders were readable: how many were looked at, and how long
    half of them and 99 of 100 took; None where there were none."""

    count: int
    p50_seconds: float | None
    p99_seconds: float | None

    def line(self) -> str:
        """The figures for people."""
        if not self.count:
            return "no order came"
        return (
            f"p50 {self.p50_seconds:.1f} s, p99 {self.p99_seconds:.1f} s of {self.count:,} orders"
        )


def waits(settings: Settings, since: datetime) -> dict[str, Waits]:
    """How long orders took that the broker took since then and that are readable by now, in bronze
    and in the mart.

    Raises: ServiceDown.
    """
    found = {}
    for place, column in PLACES.items():
        [(count, percentiles)] = execute(settings, WAITS.replace("{place}", column), [since])
        found[place] = Waits(count, *(percentiles or (None, None)))
    return found


def sample(settings: Settings, is_wanted: Callable[[], bool], ended: Event) -> None:
    """Nothing, once `ended` is set: until then one order after the other is followed.

    An order under way when the process dies is followed by the next one, so an outage is measured
    too. A service that does not answer is asked again.
    """
    while not ended.wait(REST_SECONDS):
        try:
            if is_wanted() and (probe := _under_way(settings) or _begun(settings)):
                _follow(settings, probe, lambda rest: is_wanted() and not ended.wait(rest))
        except (ServiceDown, KafkaError, DatabaseError, OperationalError) as error:
            print(f"freshness is not measured: {error}", flush=True)


def _under_way(settings: Settings) -> Probe | None:
    found = execute(settings, UNDER_WAY)
    return Probe(*found[0]) if found else None


def _begun(settings: Settings) -> Probe | None:
    """The newest order, written down; None if there is none or it was looked at before."""
    probe = newest_order(settings)
    if probe is None or not execute(settings, BEGIN, astuple(probe)):
        return None
    return probe


def _follow(settings: Settings, probe: Probe, goes_on: Callable[[float], bool]) -> None:
    for place, holds in (("bronze", in_bronze), ("mart", in_mart)):
        while not holds(settings, probe):
            if not goes_on(LOOK_SECONDS[place]):
                return
        statement = REACHED.replace("{place}", PLACES[place])
        execute(settings, statement, [probe.partition, probe.offset])


def newest_order(settings: Settings) -> Probe | None:
    """The order the broker took last, None if it holds none.

    Raises: ServiceDown; KafkaError.
    """
    source = find_spec(BRONZE).source
    assert source is not None  # a bronze table has one
    require_kafka(settings)
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        topic = settings.topic(source.topic)
        ids = consumer.partitions_for_topic(topic) or set()
        ends = consumer.end_offsets([TopicPartition(topic, number) for number in ids])
        begun = {partition: end for partition, end in ends.items() if end}
        consumer.assign(begun)
        for partition, end in begun.items():
            consumer.seek(partition, end - 1)
        newest: list[Probe] = []
        deadline = time.monotonic() + ANSWER_MS / 1000
        while len({one.partition for one in newest}) < len(begun) and time.monotonic() < deadline:
            newest += [
                Probe(m.partition, m.offset, datetime.fromtimestamp(m.timestamp / 1000, UTC))
                for some in consumer.poll(ANSWER_MS).values()
                for m in some[:1]
            ]
        return max(newest, key=lambda one: one.acked_at, default=None)
    finally:
        consumer.close()


def in_bronze(settings: Settings, probe: Probe) -> bool:
    """Whether bronze has the order."""
    return _is_among(last_record(settings, settings.table_path(BRONZE)), probe)


def in_mart(settings: Settings, probe: Probe) -> bool:
    """Whether the version of the mart that ClickHouse serves was made of the order."""
    client = clickhouse(settings)
    version = served_version(client, mart_name(settings, find_spec(MART)))
    table, record = MART, _as_of(settings, MART, version) if version is not None else None
    while record is not None and table != BRONZE:
        [table] = find_spec(table).inputs
        record = _as_of(settings, table, int(record.inputs[table]))
    return _is_among(record, probe)


def _as_of(settings: Settings, table: str, version: int) -> RunRecord | None:
    """What the run had written down that made this version of a table."""
    found = records(settings, settings.table_path(table))
    return next((one for at, one in found if at <= version), None)


def _is_among(record: RunRecord | None, probe: Probe) -> bool:
    return record is not None and int(record.inputs.get(str(probe.partition), 0)) > probe.offset
