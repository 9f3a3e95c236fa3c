"""A run published to every source of the platform, or any messages to Kafka."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from time import monotonic

from minio.error import S3Error
from urllib3.exceptions import HTTPError

from generators import oltp, stubs
from generators.landing import LandingFile, files
from generators.ledger import Ledger
from generators.messages import TOPICS, Message
from generators.producer import (
    PRODUCERS,
    RUN_ID_HEADER,
    SCHEMA_ID_HEADER,
    Headers,
    Producer,
    Transport,
)
from generators.run import Run
from generators.shop import stream
from generators.stock import Stockroom
from generators.truth import Truth
from jobs.errors import LakeproofError, ServiceDown
from jobs.registry import schema_ids
from jobs.session import object_store
from jobs.settings import Settings
from jobs.topics import admin

MOST_IN_FLIGHT = 50_000
GRACE_SECONDS = 10.0
STEP_SECONDS = 0.1
USUAL_TRANSPORT = Transport()

# Told after every message how many are acknowledged so far, and how many rejected.
Watch = Callable[[int, int], None]


def unwatched(_acked: int, _rejected: int) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Published:
    """What a run produced, and what became of it."""

    truth: Truth
    ledger: Ledger
    sent_as: str


def publish(
    run: Run,
    settings: Settings,
    transport: Transport = USUAL_TRANSPORT,
    watch: Watch = unwatched,
    sent_as: str = "",
) -> Published:
    """The truth and the delivery ledger of a run that is out at every source.

    Files, APIs, messages, and in the end the shop's database: what it sold is known by then. The
    messages carry the run's id, or what they are `sent_as` if some were sent before.
    Raises: ServiceDown if a service does not answer at the start; LakeproofError if a topic or
    the bucket does not exist, the database knows the day from another run, or the registry refuses
    a schema: then nothing is out. Messages that fail later are in the ledger.
    """
    transport = replace(transport, client=transport.client_for(run.expected_messages))
    truth, stockroom = Truth.of(run), Stockroom(run)
    require_topics(settings)
    schema_ids(settings, TOPICS)
    oltp.prepare(run, settings)
    land(files(run.day, run.seed), settings)
    stubs.hand_over(run.day, run.seed, settings)
    messages = truth.counting(stockroom.counting(stream(run)))
    sent_as = sent_as or run.run_id
    ledger = send(messages, sent_as, settings, transport, watch)
    truth.count(stockroom.facts())
    oltp.advance(run, stockroom.movements(), settings)
    return Published(truth, ledger, sent_as)


def send(
    messages: Iterable[Message],
    run_id: str,
    settings: Settings,
    transport: Transport = USUAL_TRANSPORT,
    watch: Watch = unwatched,
) -> Ledger:
    """The ledger of messages that were all acknowledged or rejected.

    Each carries the run's id and the id of the schema it is written by.
    Raises: ServiceDown if the broker or the registry does not answer, LakeproofError if a topic is
    missing, ContractBroken if the registry refuses a schema. Then nothing was sent.
    """
    require_topics(settings)
    headers = _headers(run_id, settings)
    ledger = Ledger()
    client = transport.client_for(messages_count=None)
    producer = PRODUCERS[client](settings, transport, headers, ledger.report)
    try:
        for message in _paced(messages, transport.rate, producer):
            ledger.sent(message)
            producer.send(settings.topic(message.topic), message)
            while ledger.in_flight >= MOST_IN_FLIGHT:
                producer.drain(STEP_SECONDS)
            watch(ledger.acked_count, ledger.rejected_count)
        deadline = monotonic() + transport.delivery_seconds + GRACE_SECONDS
        while ledger.in_flight and monotonic() < deadline:
            producer.drain(STEP_SECONDS)
            watch(ledger.acked_count, ledger.rejected_count)
    finally:
        producer.close()
        ledger.close(f"no report after {transport.delivery_seconds + GRACE_SECONDS:g} s")
    return ledger


def _headers(run_id: str, settings: Settings) -> Headers:
    run = (RUN_ID_HEADER, run_id.encode())
    ids = schema_ids(settings, TOPICS)
    return {
        settings.topic(topic): [run, (SCHEMA_ID_HEADER, str(schema_id).encode())]
        for topic, schema_id in ids.items()
    }


def _paced(messages: Iterable[Message], rate: float, producer: Producer) -> Iterator[Message]:
    """The messages, none before its time; a late one does not delay those after it."""
    start = monotonic()
    for number, message in enumerate(messages):
        while rate and (early := start + number / rate - monotonic()) > 0:
            producer.idle(min(early, STEP_SECONDS))
        yield message


def require_topics(settings: Settings) -> None:
    """Nothing, if the broker has the shop's topics.

    Raises: ServiceDown if it does not answer, LakeproofError naming the missing topics.
    """
    client = admin(settings)
    try:
        present = set(client.list_topics())
    finally:
        client.close()
    missing = [topic for topic in map(settings.topic, TOPICS) if topic not in present]
    if missing:
        raise LakeproofError(
            f"Kafka at {settings.kafka_bootstrap_servers} has no topic {', '.join(missing)}. "
            "`make up` creates the topics of the platform; a namespace creates its own."
        )


def land(landing_files: Iterable[LandingFile], settings: Settings) -> None:
    """Nothing, once the files are in the bucket; an older version of a file is replaced.

    Raises: ServiceDown if the store does not answer, LakeproofError if it refuses a file.
    """
    store = object_store(settings)
    for file in landing_files:
        key = settings.object_key(file.key)
        try:
            store.put_object(settings.s3_bucket, key, BytesIO(file.data), len(file.data))
        except S3Error as error:
            raise LakeproofError(
                f"The store at {settings.s3_endpoint} refused {settings.s3_bucket}/{key}: "
                f"{error.code}. `make up` creates the bucket; the keys are in .env."
            ) from error
        except HTTPError as error:
            raise ServiceDown("minio", settings.s3_endpoint, error) from error
