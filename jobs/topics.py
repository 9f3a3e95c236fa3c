"""The Kafka topics the bronze specs name."""

from kafka import KafkaAdminClient, OffsetSpec, TopicPartition
from kafka.errors import KafkaError, TopicAlreadyExistsError

from jobs.errors import LakeproofError, ServiceDown
from jobs.session import PROBE_SECONDS, require
from jobs.settings import Settings
from jobs.spec import Source
from jobs.specs import load_specs


def sources() -> list[Source]:
    """The Kafka sources of all bronze tables."""
    found = (spec.source for spec in load_specs().values())
    return [source for source in found if source and source.kind == "kafka"]


def admin(settings: Settings) -> KafkaAdminClient:
    """An admin client of the broker.

    Raises: ServiceDown if it does not answer.
    """
    address = settings.kafka_bootstrap_servers
    require("kafka", address.split(",")[0])
    try:
        return KafkaAdminClient(
            bootstrap_servers=address, bootstrap_timeout_ms=int(PROBE_SECONDS * 2000)
        )
    except KafkaError as error:
        raise ServiceDown("kafka", address, error) from error


def create_all(settings: Settings) -> list[str]:
    """The names of all topics, which exist from then on."""
    names = [settings.topic(source.topic) for source in sources()]
    client = admin(settings)
    try:
        present = set(client.list_topics())
        missing = {
            settings.topic(source.topic): {
                "num_partitions": source.partitions,
                "replication_factor": 1,
            }
            for source in sources()
            if settings.topic(source.topic) not in present
        }
        if missing:
            client.create_topics(missing)
            client.wait_for_topics(list(missing))
    except TopicAlreadyExistsError:
        pass  # another process created them between the two calls: what we want is so
    finally:
        client.close()
    return names


def end_offsets(settings: Settings, topic: str) -> dict[str, int]:
    """The offset after the last record, by partition.

    Raises: ServiceDown; LakeproofError if the topic does not exist.
    """
    client = admin(settings)
    try:
        described = client.describe_topics([topic])[0]
        if described.get("error_code"):
            raise LakeproofError(
                f"topic {topic} does not exist on {settings.kafka_bootstrap_servers}. "
                "`make up` creates the topics of all bronze specs."
            )
        ids = [partition["partition_index"] for partition in described["partitions"]]
        wanted = {TopicPartition(topic, number): OffsetSpec.LATEST for number in ids}
        found = client.list_partition_offsets(wanted)
        return {str(tp.partition): int(result.offset) for tp, result in found.items()}
    finally:
        client.close()
