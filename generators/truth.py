"""What a run really produced: counts, checksums and the revenue any pipeline must arrive at."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Self

from generators.checksum import Tally
from generators.defects import labels
from generators.facts import Fact, Sale
from generators.journal import Journal
from generators.landing import files
from generators.marts_of_day import MartsOfDay
from generators.messages import TOPICS, Message
from generators.run import Run
from jobs.errors import LakeproofError


@dataclass
class CategorySales:
    """The good orders of one day in one category; an order counts in each of its categories."""

    orders_count: int = 0
    items_count: int = 0
    units_count: int = 0
    revenue_eur_cents: int = 0


@dataclass
class Truth:
    """The truth about one run, complete once all its messages went through `counting`.

    `topics` is topic -> class -> tally, `files` is source -> tally of data rows (no header),
    `refused` is the same of those whose file lacks a column of its contract,
    `sales` is (order_date, category) -> sales, `marts` what the other marts need of the day.
    """

    run_id: str
    seed: int
    day: date
    topics: dict[str, dict[str, Tally]]
    files: dict[str, Tally]
    refused: dict[str, Tally]
    sales: dict[tuple[date, str], CategorySales] = field(default_factory=dict)
    marts: MartsOfDay = field(default_factory=MartsOfDay)

    def __post_init__(self) -> None:
        self._journal = Journal(self.marts)

    @classmethod
    def of(cls, run: Run) -> Self:
        """The truth before the first message: files are known, nothing is sold."""
        topics = {topic: {label: Tally() for label in labels(topic)} for topic in TOPICS}
        landed: dict[str, Tally] = {}
        refused: dict[str, Tally] = {}
        for file in files(run.day, run.seed):
            for kept in (landed,) if file.is_readable else (landed, refused):
                kept[file.source] = kept.get(file.source, Tally()) + tally_of(file.rows)
        return cls(run.run_id, run.seed, run.day, topics, landed, refused)

    def counting(self, messages: Iterable[Message]) -> Iterator[Message]:
        """The same messages, each counted as it passes."""
        for message in messages:
            self.topics[message.topic][message.label].add(message.value)
            self.count(message.facts)
            yield message
        self._journal.close()

    def count(self, facts: Iterable[Fact]) -> None:
        """Nothing; facts of one message, or of the day and no message, are counted."""
        self._journal.add(facts)
        sales = [fact for fact in facts if isinstance(fact, Sale)]
        for sale in sales:
            total = self.sales.setdefault((self.day, sale.category), CategorySales())
            total.items_count += 1
            total.units_count += sale.quantity
            total.revenue_eur_cents += sale.revenue_eur_cents
        for category in {sale.category for sale in sales}:
            self.sales[self.day, category].orders_count += 1

    def produced(self, topic: str) -> Tally:
        """All records of a topic, whatever their class."""
        return sum(self.topics[topic].values(), Tally())

    def to_json(self) -> str:
        """The truth file. Checksums are text there: they exceed what JSON readers keep exact."""
        document = {
            "run_id": self.run_id,
            "seed": self.seed,
            "day": str(self.day),
            "topics": {
                topic: {
                    "produced": _to_document(self.produced(topic)),
                    "classes": {label: _to_document(tally) for label, tally in classes.items()},
                }
                for topic, classes in self.topics.items()
            },
            "files": {source: _to_document(tally) for source, tally in self.files.items()},
            "refused": {source: _to_document(tally) for source, tally in self.refused.items()},
            "sales": [
                {"order_date": str(order_date), "category": category, **asdict(total)}
                for (order_date, category), total in sorted(self.sales.items())
            ],
            "marts": self.marts.to_document(),
        }
        lines = (f'"{name}": {json.dumps(value)}' for name, value in document.items())
        return "{" + ",\n".join(lines) + "}\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The truth that `to_json` wrote.

        Raises: LakeproofError if the text is no truth file.
        """
        try:
            return cls._from_document(json.loads(text))
        except (KeyError, TypeError, ValueError) as error:
            raise LakeproofError(
                f"This is no truth file ({type(error).__name__}: {error}): {text[:60]!r}. "
                "Write it again with `python -m generators`."
            ) from error

    @classmethod
    def _from_document(cls, document: dict[str, Any]) -> Self:
        topics = {
            topic: {label: _from_document(tally) for label, tally in entry["classes"].items()}
            for topic, entry in document["topics"].items()
        }
        landed = {source: _from_document(tally) for source, tally in document["files"].items()}
        refused = {source: _from_document(tally) for source, tally in document["refused"].items()}
        sales = {}
        for entry in document["sales"]:
            key = date.fromisoformat(entry.pop("order_date")), entry.pop("category")
            sales[key] = CategorySales(**entry)
        day = date.fromisoformat(document["day"])
        marts = MartsOfDay.from_document(document["marts"])
        return cls(document["run_id"], document["seed"], day, topics, landed, refused, sales, marts)


def tally_of(values: Iterable[bytes]) -> Tally:
    """The tally of some records."""
    tally = Tally()
    for value in values:
        tally.add(value)
    return tally


def _to_document(tally: Tally) -> dict[str, int | str]:
    return {"count": tally.count, "checksum": str(tally.checksum)}


def _from_document(document: dict[str, Any]) -> Tally:
    return Tally(document["count"], int(document["checksum"]))
