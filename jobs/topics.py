"""The Kafka topics the bronze specs name, and the dead-letter topic of each."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kafka import KafkaAdminClient, OffsetSpec, TopicPartition
from kafka.errors import KafkaError, TopicAlreadyExistsError

from jobs.errors import LakeproofError, LedgerError, ServiceDown
from jobs.session import PROBE_SECONDS, require_kafka
from jobs.settings import Settings
from jobs.spec import Source
from jobs.specs import topic_sources

# A message of the largest size that a topic takes, and the headers that say why it was refused.
MOST_BYTES_OF_A_DEAD_LETTER = 2_000_000
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
    """The offset after the last record, by partition.

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
    """The next offset to read and the one after the last record, by partition.

    Raises: LedgerError naming the offsets that Kafka deleted before they were read; ServiceDown;
    LakeproofError if the topic does not exist.
    """
    first, ends = _offsets(settings, topic, OffsetSpec.EARLIEST, OffsetSpec.LATEST)
    if lost := _gaps(read, first):
        places = ", ".join(f"{n}: [{gap.start}, {gap.stop})" for n, gap in lost.items())
        raise LedgerError(
            f"{table}: Kafka deleted {sum(map(len, lost.values())):,} records of {topic} before "
            f"they were read; partition and offsets {places}. Nothing was landed. Have their "
            f"source send them again, then `python -m jobs.lost {table}` writes down that these "
            "offsets are lost, and the table goes on behind them."
        )
    return {number: int(read.get(number, 0)) for number in ends}, ends


def _gaps(read: Mapping[str, Any], first: Mapping[str, int]) -> dict[str, range]:
    gaps = {number: range(int(read.get(number, 0)), begin) for number, begin in first.items()}
    return {number: gap for number, gap in gaps.items() if gap}


def _offsets(settings: Settings, topic: str, *moments: OffsetSpec) -> list[dict[str, int]]:
    with _answering(settings) as client:
        described = client.describe_topics([topic])[0]
        if described.get("error_code"):
            raise LakeproofError(
                f"topic {topic} does not exist on {settings.kafka_bootstrap_servers}. "
                "`make up` creates the topics of all bronze specs."
            )
        ids = [partition["partition_index"] for partition in described["partitions"]]
        found = (
            client.list_partition_offsets({TopicPartition(topic, n): at for n in ids})
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
