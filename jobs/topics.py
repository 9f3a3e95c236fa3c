"""The Kafka topics the bronze specs name, and the dead-letter topic of each."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, OffsetSpec, TopicPartition
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.protocol.consumer.offsets import IsolationLevel

from jobs.errors import LakeproofError, LedgerError, ServiceDown
from jobs.session import PROBE_SECONDS, require_kafka
from jobs.settings import Settings
from jobs.spec import Source
from jobs.specs import topic_sources

# A message of the largest size that a topic takes, and the headers that say why it was refused.
MOST_BYTES_OF_A_DEAD_LETTER = 2_000_000
# Records of a transaction that is not finished, or was taken back, are none.
READ_COMMITTED, READ_UNCOMMITTED = IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED
POLL_MS = 200
# Topics by name, with how they are made.
Topics = dict[str, dict[str, Any]]


def admin(settings: Settings) -> KafkaAdminClient:
    """An admin client of the brokers.

    Raises: ServiceDown if none of them answers.
    """
    address = settings.kafka_bootstrap_servers
    require_kafka(settings)
    try:
        return KafkaAdminClient(
            bootstrap_servers=address, bootstrap_timeout_ms=int(PROBE_SECONDS * 2000)
        )
    except KafkaError as error:
        raise ServiceDown("kafka", address, error) from error


def create_all(settings: Settings) -> None:
    """Nothing; the topics of all Kafka sources and their dead-letter topics exist from then on.

    Each is on every broker.
    """
    wanted: Topics = {}
    for source in topic_sources().values():
        wanted[settings.topic(source.topic)] = {"num_partitions": source.partitions}
        wanted |= _dead_letters(source, settings)
    _create(wanted, settings)


def create_dead_letters(source: Source, settings: Settings) -> None:
    """Nothing; the dead-letter topic of a source exists from then on.

    Its topic may be older than dead letters, or made by whoever sends to it.
    """
    _create(_dead_letters(source, settings), settings)


def _dead_letters(source: Source, settings: Settings) -> Topics:
    name = settings.dead_letter_topic(source.topic)
    largest = {"max.message.bytes": str(MOST_BYTES_OF_A_DEAD_LETTER)}
    return {name: {"num_partitions": 1, "configs": largest}} if name else {}


def _create(wanted: Topics, settings: Settings) -> None:
    with _answering(settings) as client:
        present = set(client.list_topics())
        missing = {name: made for name, made in wanted.items() if name not in present}
        if missing:
            with suppress(TopicAlreadyExistsError):  # by another process, since we looked
                client.create_topics(missing)
            client.wait_for_topics(list(missing))


def end_offsets(settings: Settings, topic: str) -> dict[str, int]:
    """The offset after the last record that is committed, by partition.

    Raises: ServiceDown; LakeproofError if the topic does not exist.
    """
    [ends] = _offsets(settings, topic, OffsetSpec.LATEST)
    return ends


def lost_offsets(settings: Settings, topic: str, read: Mapping[str, Any]) -> dict[str, range]:
    """The offsets that Kafka deleted before they were read, by partition; usually none.

    `read` holds the next offset of each partition.
    Raises: ServiceDown; LakeproofError if the topic does not exist.
    """
    [first] = _offsets(settings, topic, OffsetSpec.EARLIEST)
    return _gaps(read, first)


def offsets_ahead(
    settings: Settings, topic: str, read: Mapping[str, Any], table: str
) -> tuple[dict[str, int], dict[str, int]]:
    """The next offset to read and the one after the last record that is committed, by partition.

    Raises: LedgerError naming the offsets that Kafka deleted before they were read; ServiceDown;
    LakeproofError if the topic does not exist.
    """
    first, ends = _offsets(settings, topic, OffsetSpec.EARLIEST, OffsetSpec.LATEST)
    _require_kept(topic, _gaps(read, first), table)
    starts = {number: int(read.get(number, 0)) for number in ends}
    if any(end < starts[number] for number, end in ends.items()):
        _require_same_topic(settings, topic, starts, table)
    return starts, {number: max(end, starts[number]) for number, end in ends.items()}


def _require_same_topic(
    settings: Settings, topic: str, starts: Mapping[str, int], table: str
) -> None:
    """Nothing, if it is only that a transaction still runs before what was read once."""
    [ends] = _offsets(settings, topic, OffsetSpec.LATEST, isolation=READ_UNCOMMITTED)
    if short := [number for number, end in ends.items() if end < starts[number]]:
        raise LedgerError(
            f"{table}: it holds partition {short[0]} of {topic} up to offset {starts[short[0]]}, "
            f"and Kafka has it up to {ends[short[0]]}: the topic was deleted and made anew. "
            "Nothing was landed, since its offsets tell other records now. Have them sent to "
            "another topic (`source.topic` of the spec) or land them in a fresh namespace."
        )


def first_readable(settings: Settings, topic: str, partition: str, since: int, until: int) -> int:
    """The offset of the first record in [since, until) that a reader gets; `until` if none.

    Offsets that no reader gets are the ends of transactions, and records that were taken back.
    Raises: ServiceDown.
    """
    place = TopicPartition(topic, int(partition))
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="none",
        enable_auto_commit=False,
    )
    try:
        consumer.assign([place])
        consumer.seek(place, since)
        while (reached := consumer.position(place)) < until:
            if found := consumer.poll(timeout_ms=POLL_MS, max_records=1).get(place):
                return int(found[0].offset)
        return int(reached)
    except KafkaError as error:
        raise ServiceDown("kafka", settings.kafka_bootstrap_servers, error) from error
    finally:
        consumer.close(autocommit=False)


def require_kept(settings: Settings, topic: str, read: Mapping[str, Any], table: str) -> None:
    """Nothing, if Kafka still has all it was given from these offsets on.

    Asked after a reading it says that the reading is whole, however many offsets it left out.
    Raises: as `offsets_ahead` does.
    """
    _require_kept(topic, lost_offsets(settings, topic, read), table)


def _require_kept(topic: str, lost: Mapping[str, range], table: str) -> None:
    if not lost:
        return
    places = ", ".join(f"{n}: [{gap.start}, {gap.stop})" for n, gap in lost.items())
    raise LedgerError(
        f"{table}: Kafka deleted {sum(map(len, lost.values())):,} records of {topic} before "
        f"they were read; partition and offsets {places}. Nothing was landed. Have their "
        f"source send them again, then `python -m jobs.lost {table}` writes down that these "
        "offsets are lost, and the table goes on behind them."
    )


def _gaps(read: Mapping[str, Any], first: Mapping[str, int]) -> dict[str, range]:
    gaps = {number: range(int(read.get(number, 0)), begin) for number, begin in first.items()}
    return {number: gap for number, gap in gaps.items() if gap}


def _offsets(
    settings: Settings, topic: str, *moments: OffsetSpec, isolation: Any = READ_COMMITTED
) -> list[dict[str, int]]:
    with _answering(settings) as client:
        described = client.describe_topics([topic])[0]
        if described.get("error_code"):
            raise LakeproofError(
                f"topic {topic} does not exist on {settings.kafka_bootstrap_servers}. "
                "`make up` creates the topics of all bronze specs."
            )
        ids = [partition["partition_index"] for partition in described["partitions"]]
        found = (
            client.list_partition_offsets({TopicPartition(topic, n): at for n in ids}, isolation)
            for at in moments
        )
        return [{str(tp.partition): int(r.offset) for tp, r in each.items()} for each in found]


@contextmanager
def _answering(settings: Settings) -> Iterator[KafkaAdminClient]:
    """An admin client; what the brokers do not do within its time is told as theirs."""
    client = admin(settings)
    try:
        yield client
    except KafkaError as error:
        raise ServiceDown("kafka", settings.kafka_bootstrap_servers, error) from error
    finally:
        client.close()
