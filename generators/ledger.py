"""What became of the messages that were sent: produced = acknowledged + rejected, always."""

from collections import defaultdict
from dataclasses import dataclass, field
from threading import Lock

from generators.checksum import Tally
from generators.messages import Message
from jobs.errors import LedgerError

REASONS_KEPT = 5


@dataclass
class TopicLedger:
    """The fate of one topic's messages; `reasons` holds the first few different ones."""

    produced: Tally = field(default_factory=Tally)
    acked: Tally = field(default_factory=Tally)
    rejected: Tally = field(default_factory=Tally)
    reasons: list[str] = field(default_factory=list)

    def reject(self, tally: Tally, reason: str) -> None:
        """File messages as rejected."""
        self.rejected += tally
        if reason not in self.reasons and len(self.reasons) < REASONS_KEPT:
            self.reasons.append(reason)


@dataclass
class Ledger:
    """The fate of all messages by topic (without namespace); safe to report to from any thread."""

    topics: dict[str, TopicLedger] = field(default_factory=lambda: defaultdict(TopicLedger))
    acked_count: int = 0
    rejected_count: int = 0
    in_flight: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)
    _closed: bool = False

    def sent(self, message: Message) -> None:
        """A message is on its way."""
        with self._lock:
            self.topics[message.topic].produced.add(message.value)
            self.in_flight += 1

    def report(self, message: Message, rejection: str | None) -> None:
        """A message was acknowledged by the broker, or rejected for a reason."""
        with self._lock:
            if self._closed:
                return
            self.in_flight -= 1
            topic = self.topics[message.topic]
            if rejection is None:
                self.acked_count += 1
                topic.acked.add(message.value)
            else:
                self.rejected_count += 1
                tally = Tally()
                tally.add(message.value)
                topic.reject(tally, rejection)

    def close(self, reason: str) -> None:
        """File every message without a report as rejected, and hear no more reports."""
        with self._lock:
            self._closed = True
            for topic in self.topics.values():
                silent = topic.produced - topic.acked - topic.rejected
                if silent.count:
                    topic.reject(silent, reason)
                    self.rejected_count += silent.count
                    self.in_flight -= silent.count

    def require_all_acked(self) -> None:
        """Nothing, if the broker has every message.

        Raises: LedgerError naming topics, counts and reasons of what it has not.
        """
        lost = [
            f"{topic.rejected.count} of {topic.produced.count} to {name} ({topic.reasons[0]})"
            for name, topic in self.topics.items()
            if topic.rejected.count
        ]
        if lost:
            raise LedgerError(
                f"Kafka did not take these messages: {'; '.join(lost)}. "
                "Mend the cause, then run the same command in a fresh namespace."
            )
