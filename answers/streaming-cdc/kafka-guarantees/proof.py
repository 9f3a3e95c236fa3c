"""Three brokers under load: killed, frozen, started again, and every message counted."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from kafka import TopicPartition

from answers.evidence import Evidence, more_than
from answers.labs.brokers import NUMBERS, Brokers, three_brokers
from answers.labs.kafka import create_topic, read_all, send
from answers.labs.outbox import Outbox, client, load
from answers.labs.waiting import wait_until
from jobs.settings import Settings
from jobs.topics import admin, end_offsets

pytestmark = pytest.mark.apart

LOAD = 30_000
MESSAGE_BYTES = 100
MILLION = 1_000_000
MIB = 1 << 20
BEFORE = 100  # messages acknowledged before something happens to the brokers
AFTER = 200  # and after it
AT_RISK = 50
GIVE_UP_SECONDS = 2.0


@pytest.fixture(scope="module")
def brokers(platform: Settings) -> Iterator[Brokers]:
    with three_brokers(platform) as found:
        yield found


def values(brokers: Brokers, topic: str) -> list[bytes]:
    return [record.value for record in read_all(brokers.settings, topic)]


def on_disk(brokers: Brokers, number: int, topic: str) -> bytes:
    """The bytes of a topic's first partition in the folder of a broker."""
    folder = brokers.data(number) / f"{topic}-0"
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*.log")))


def test_messages_are_kept_on_the_disks_of_three_brokers_before_anybody_reads_them(
    evidence: Evidence, brokers: Brokers
) -> None:
    topic = create_topic(brokers.settings, "kept")
    sent = [b"order-%05d" % number for number in range(BEFORE)]
    send(brokers.settings, topic, [(None, value) for value in sent])
    brokers.wait_until_in_sync(topic)

    def copies() -> int:
        found = [on_disk(brokers, number, topic) for number in NUMBERS]
        return sum(all(value in one for value in sent) for one in found)

    wait_until(lambda: copies() == len(NUMBERS), "a copy on each disk")
    evidence("copies on disk", copies(), len(NUMBERS), "copies")


def rate_of(brokers: Brokers, acks: str) -> float:
    """Messages a second of a load that is on the brokers afterwards."""
    topic = create_topic(brokers.settings, f"load-{acks}", 3)
    producer, value = client(brokers.settings, acks), b"x" * MESSAGE_BYTES
    began = time.monotonic()
    for _ in range(LOAD):
        producer.produce(topic, value)
        producer.poll(0)
    producer.flush()
    seconds = time.monotonic() - began

    def is_there() -> bool:
        return sum(end_offsets(brokers.settings, topic).values()) == LOAD

    wait_until(is_there, f"{LOAD} messages sent with acks={acks}")
    return LOAD / seconds


def test_throughput_is_told_for_this_machine_and_millions_belong_to_a_cluster(
    evidence: Evidence, brokers: Brokers
) -> None:
    rates = {acks: rate_of(brokers, acks) for acks in ("0", "1", "all")}
    evidence("messages of each run", LOAD, LOAD, "messages")
    evidence.series("messages a second by acks", {k: round(v) for k, v in rates.items()})
    safe = rates["all"]
    evidence("acknowledged by all", safe, unit="messages a second")
    evidence("acknowledged by the leader alone", rates["1"], unit="messages a second")
    evidence("bytes acknowledged by all", safe * MESSAGE_BYTES / MIB, unit="MiB a second")
    evidence("for each core", safe / (os.cpu_count() or 1), unit="messages a second")
    evidence("such machines for a million a second", MILLION / safe, more_than(0), "machines")


def test_partitions_move_to_other_brokers_while_messages_flow_and_none_is_lost(
    evidence: Evidence, brokers: Brokers
) -> None:
    alone: dict[str, Any] = {
        "assignments": {number: [1] for number in range(3)},
        "configs": {"min.insync.replicas": "1"},
    }
    topic = create_topic(brokers.settings, "scaled", -1, **alone)
    brokers.wait_until_led(topic, 1, 1, 1)
    with load(brokers.settings, topic) as box:
        box.wait_for(BEFORE)
        with closing(admin(brokers.settings)) as asked:
            moves = {TopicPartition(topic, n): [broker] for n, broker in enumerate(NUMBERS)}
            asked.alter_partition_reassignments(moves)
        brokers.wait_until_led(topic, *NUMBERS)
        box.wait_for(AFTER)
    evidence("brokers that lead the topic after the move", len(set(brokers.leaders(topic))), 3)
    assert sorted(values(brokers, topic)) == sorted(box.acked)
    evidence("acknowledged during the move", len(box.acked), unit="messages")
    evidence("lost by the move", len(set(box.acked) - set(values(brokers, topic))), 0, "messages")


def test_an_acknowledged_message_survives_the_death_of_its_leader(
    evidence: Evidence, brokers: Brokers
) -> None:
    topic = create_topic(brokers.settings, "struck", -1, assignments={0: [2, 3, 1]})
    brokers.wait_until_in_sync(topic)
    with load(brokers.settings, topic) as box:
        box.wait_for(BEFORE)
        brokers.kill(2)
        box.wait_for(AFTER)
    silence = max(later - earlier for earlier, later in pairwise(box.acked_at))
    consumed = values(brokers, topic)
    evidence("acknowledged around the kill", len(box.acked), more_than(BEFORE + AFTER), "messages")
    evidence("consumed after the kill", len(consumed), len(box.acked), "messages")
    evidence("lost by the kill", len(set(box.acked) - set(consumed)), 0, "messages")
    assert consumed == box.acked
    evidence("longest time without an acknowledgement", silence, unit="s")
    brokers.start(2)
    brokers.wait_until_in_sync(topic)


@pytest.mark.control
def test_an_ack_of_the_leader_alone_is_lost_with_it_where_an_ack_of_all_is_not_given(
    evidence: Evidence, brokers: Brokers
) -> None:
    boxes = {}
    for acks in ("1", "all"):
        topic = create_topic(brokers.settings, f"risked-{acks}", -1, assignments={0: [2, 3, 1]})
        brokers.wait_until_in_sync(topic)
        boxes[acks] = Outbox(client(brokers.settings, acks, GIVE_UP_SECONDS), topic)
        boxes[acks].put(b"before")
        boxes[acks].producer.flush()
    brokers.freeze(1, 3)  # the followers are behind for a moment
    for acks in ("all", "1"):
        for number in range(AT_RISK):
            boxes[acks].put(b"%d" % number)
            boxes[acks].producer.flush(0.05 if acks == "1" else 0)
    for box in boxes.values():
        box.producer.flush()
    brokers.kill(2)
    brokers.thaw(1, 3)
    for box in boxes.values():
        brokers.wait_until_led(box.topic, 3)
    brokers.start(2)
    lost = {}
    for acks, box in boxes.items():
        brokers.wait_until_in_sync(box.topic)
        lost[acks] = len(set(box.acked) - set(values(brokers, box.topic)))
    evidence("acknowledged by the leader before it died", len(boxes["1"].acked), unit="messages")
    evidence("of them lost", lost["1"], more_than(0), "messages")
    evidence("acknowledged by all in that time", len(boxes["all"].acked) - 1, 0, "messages")
    evidence("lost although all had acknowledged", lost["all"], 0, "messages")


@pytest.mark.control
def test_without_acks_and_copies_messages_are_lost_that_were_reported_as_sent(
    evidence: Evidence, brokers: Brokers
) -> None:
    alone = {"assignments": {0: [3]}, "configs": {"min.insync.replicas": "1"}}
    topic = create_topic(brokers.settings, "careless", -1, **alone)
    brokers.wait_until_led(topic, 3)
    box = Outbox(client(brokers.settings, "0"), topic)
    box.put(b"before")
    box.producer.flush()
    wait_until(lambda: values(brokers, topic) == [b"before"], "the first message")
    brokers.freeze(3)
    for number in range(AT_RISK):
        box.put(b"%d" % number)
    box.producer.flush()
    brokers.kill(3)
    brokers.start(3)
    brokers.wait_until_led(topic, 3)
    evidence("reported as sent without acks", len(box.acked) - 1, AT_RISK, "messages")
    lost = len(set(box.acked) - set(values(brokers, topic)))
    evidence("lost without acks", lost, AT_RISK, "messages")


def test_after_all_brokers_were_killed_and_started_again_everything_is_there(
    evidence: Evidence, brokers: Brokers
) -> None:
    topics = ("kept", "scaled", "struck", "risked-all")
    before = {topic: values(brokers, topic) for topic in topics}
    brokers.kill(*NUMBERS)
    began = time.monotonic()
    brokers.start(*NUMBERS)
    evidence("until all three were up again", time.monotonic() - began, unit="s")
    for topic in ("kept", "struck", "risked-all"):
        brokers.wait_until_in_sync(topic)
    brokers.wait_until_led("scaled", *NUMBERS)
    after = {topic: values(brokers, topic) for topic in topics}
    share = 100 * sum(map(len, after.values())) / sum(map(len, before.values()))
    evidence("messages there after the restart", share, 100.0, "%")
    assert after == before
