"""Numbered messages of many keys, shared by one, two, four and five members of a group."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer

from answers.evidence import Evidence, more_than
from answers.labs.kafka import Message, create_topic, handle, member, producer, read_all, send
from answers.labs.waiting import wait_until
from jobs.session import postgres
from jobs.settings import ROOT, Settings
from jobs.topics import admin

PARTITIONS = 4
KEYS = 40
NUMBERS = 25  # of each key
BATCH = 30  # messages that a producer without keys sends to one partition, then to the next
MESSAGES = KEYS * NUMBERS
WORK_SECONDS = 0.001
MEMBERS = (1, 2, 4, 5)
WORKER = Path(__file__).with_name("worker.py")
# The work of a message: a call to another system that answers after a millisecond.
CALL = "SELECT pg_sleep(%s)"


def numbered(start: int = 0) -> list[Message]:
    """Every key's first number, every key's second, and so on."""
    return [
        (b"c-%d" % key, b"c-%d:%d" % (key, number))
        for number in range(start, start + NUMBERS)
        for key in range(KEYS)
    ]


def backward_steps(values: Iterable[bytes]) -> int:
    """How often a key's number is followed by a lower one of the same key."""
    seen: dict[bytes, list[int]] = defaultdict(list)
    for value in values:
        key, number = value.split(b":")
        seen[key].append(int(number))
    return sum(later < earlier for one in seen.values() for earlier, later in pairwise(one))


@dataclass
class Team:
    """The members of a group, each in a thread of its own, and what each has handled."""

    consumers: list[KafkaConsumer]
    handled: list[list[Any]] = field(default_factory=list)
    seconds: float = 0.0

    def shares(self) -> list[int]:
        """How many partitions each member holds."""
        return [len(consumer.assignment()) for consumer in self.consumers]

    def is_settled(self) -> bool:
        """Whether each partition is one member's, as evenly as can be."""
        members = len(self.consumers)
        even = [PARTITIONS // members + (n < PARTITIONS % members) for n in range(members)]
        held = set().union(*(consumer.assignment() for consumer in self.consumers))
        return sorted(self.shares()) == sorted(even) and len(held) == PARTITIONS

    def count(self) -> int:
        """list[Message] handled by all."""
        return sum(map(len, self.handled))


def work(settings: Settings, consumer: KafkaConsumer, done: list[Any], over: Any) -> None:
    """One call per message, until it is over."""
    with closing(postgres(settings)) as database, database.cursor() as cursor, closing(consumer):

        def call(record: Any) -> None:
            cursor.execute(CALL, [WORK_SECONDS])
            done.append(record)

        while not over.is_set():
            handle(consumer, call)


@contextmanager
def team(settings: Settings, topic: str, members: int) -> Iterator[Team]:
    """A group that has shared out the partitions; its members leave at the end."""
    options = {"heartbeat_interval_ms": 200, "fetch_max_wait_ms": 20, "max_poll_records": 50}
    group = f"of {members}"
    made = [member(settings, topic, group, **options) for _ in range(members)]
    found, over = Team(made, [[] for _ in made]), threading.Event()
    with ExitStack() as threads:
        for consumer, done in zip(made, found.handled, strict=True):
            thread = threading.Thread(target=work, args=(settings, consumer, done, over))
            thread.start()
            threads.callback(thread.join)
        threads.callback(over.set)
        wait_until(lambda: is_stable(settings, f"{topic}.{group}", members), "all in the group")
        wait_until(found.is_settled, "all partitions shared out")
        yield found


def is_stable(settings: Settings, group: str, members: int) -> bool:
    """Whether the group has so many members, and no rebalance is under way."""
    with closing(admin(settings)) as client:
        found = client.describe_groups([group])[group]
    return found["group_state"] == "Stable" and len(found["members"]) == members


def handled_by(settings: Settings, members: int) -> Team:
    """A group of so many members that has handled all messages."""
    topic = create_topic(settings, f"for_{members}", PARTITIONS)
    with team(settings, topic, members) as found:
        started = time.monotonic()
        send(settings, topic, numbered())
        wait_until(lambda: found.count() >= MESSAGES, "all handled")
        found.seconds = time.monotonic() - started
    return found


@pytest.fixture(scope="module")
def teams(settings: Settings) -> dict[int, Team]:
    """The same messages handled by groups of one, two, four and five."""
    return {members: handled_by(settings, members) for members in MEMBERS}


def test_order_holds_within_a_partition_and_so_for_every_key(
    evidence: Evidence, teams: dict[int, Team]
) -> None:
    for members, found in teams.items():
        steps = sum(backward_steps(r.value for r in done) for done in found.handled)
        evidence(f"steps back within a key, members: {members}", steps, 0)
    everything = [sorted(r.value for done in t.handled for r in done) for t in teams.values()]
    assert everything == [sorted(value for _, value in numbered())] * len(MEMBERS)
    evidence("messages of each group", MESSAGES, MESSAGES, "messages")


@pytest.mark.control
def test_across_partitions_there_is_no_order(
    evidence: Evidence, teams: dict[int, Team], settings: Settings
) -> None:
    [done] = teams[1].handled
    numbers = [int(record.value.split(b":")[1]) for record in done]
    backward = sum(later < earlier for earlier, later in pairwise(numbers))
    evidence("steps back across partitions", backward, more_than(0), "times")
    topic = create_topic(settings, "without_key", PARTITIONS)
    with closing(producer(settings)) as client:
        for place, (_, value) in enumerate(numbered()):
            client.send(topic, value, partition=place // BATCH % PARTITIONS)
    lane_after_lane = [record.value for record in read_all(settings, topic)]
    steps = backward_steps(lane_after_lane)
    evidence("steps back within a key, sent without keys", steps, more_than(0), "times")


def test_the_members_of_a_group_share_the_partitions(
    evidence: Evidence, teams: dict[int, Team]
) -> None:
    rows = []
    for members, found in teams.items():
        lanes = [{record.partition for record in done} for done in found.handled]
        assert sum(map(len, lanes)) == len(set().union(*lanes)) == PARTITIONS
        held = ", ".join(str(len(mine)) for mine in sorted(lanes, key=len, reverse=True))
        rows.append((members, held))
    evidence.table("partitions of each member", ("members", "partitions"), rows)
    evidence("the four members hold", rows[2][1], "1, 1, 1, 1", "partitions")


def test_more_members_work_in_parallel_up_to_the_number_of_partitions(
    evidence: Evidence, teams: dict[int, Team]
) -> None:
    busy = {members: sum(map(bool, found.handled)) for members, found in teams.items()}
    evidence("members of two that work", busy[2], 2, "members")
    evidence("members of four that work", busy[4], 4, "members")
    rates = {f"{n} members": round(MESSAGES / found.seconds) for n, found in teams.items()}
    evidence.series("messages a second", rates, "a second")
    evidence("one member does", MESSAGES / teams[1].seconds, unit="messages a second")
    evidence("four members do", MESSAGES / teams[4].seconds, unit="messages a second")
    evidence("four do times as much", teams[1].seconds / teams[4].seconds, unit="times as much")


def test_a_fifth_member_of_four_partitions_is_idle(
    evidence: Evidence, teams: dict[int, Team]
) -> None:
    counts = sorted(map(len, teams[5].handled))
    evidence("messages of the fifth member", counts[0], 0, "messages")
    evidence("idle members of five", counts.count(0), 1, "member")


def rows_of(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with closing(postgres(settings)) as database, database.cursor() as cursor:
        cursor.execute(query.format(settings.schema("lab")))
        return cursor.fetchall()


@pytest.fixture
def handled(settings: Settings) -> Iterator[None]:
    """The table that says which worker handled which message, and when."""
    schema = settings.schema("lab")
    columns = "worker text, partition int, at bigint, value bytea, handled_at timestamptz"
    with closing(postgres(settings)) as database, database, database.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.handled ({columns})")
    yield
    with closing(postgres(settings)) as database, database, database.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {schema} CASCADE")


@contextmanager
def worker(settings: Settings, topic: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that works as a member; killed at the end if it was not before."""
    environment = os.environ | settings.environment() | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(WORKER), topic, name], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_when_a_member_is_killed_the_others_take_over_and_nothing_is_lost(
    evidence: Evidence, settings: Settings, handled: None
) -> None:
    topic = create_topic(settings, "with_a_death", PARTITIONS)
    workers = "SELECT DISTINCT worker FROM {}.handled"
    with worker(settings, topic, "doomed") as doomed, worker(settings, topic, "survivor"):
        wait_until(lambda: is_stable(settings, f"{topic}.handled", 2), "both in the group")
        send(settings, topic, numbered())
        wait_until(lambda: len(rows_of(settings, workers)) == 2, "both at work")
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
        killed = time.monotonic()
        sent = numbered() + numbered(NUMBERS)
        send(settings, topic, numbered(NUMBERS))
        every = "SELECT count(DISTINCT (partition, at)) FROM {}.handled"
        wait_until(lambda: rows_of(settings, every) == [(len(sent),)], "all handled")
        evidence("until all was handled again", time.monotonic() - killed, unit="s")
    values = rows_of(settings, "SELECT DISTINCT partition, at, value FROM {}.handled")
    assert sorted(bytes(row[2]) for row in values) == sorted(value for _, value in sent)
    evidence("messages sent around the death", len(sent), 2 * MESSAGES, "messages")
    evidence("messages lost", len(sent) - len(values), 0, "messages")
    [(rows,)] = rows_of(settings, "SELECT count(*) FROM {}.handled")
    evidence("messages handled twice", rows - len(values), unit="messages")
