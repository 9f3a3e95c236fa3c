"""What a run really produced: counts, checksums and the revenue any pipeline must arrive at."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Self

from generators.checksum import Tally
from generators.defects import labels
from generators.landing import files
from generators.messages import TOPICS, Message, Sale
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
    `sales` is (order_date, category) -> sales.
    """

    run_id: str
    seed: int
    day: date
    topics: dict[str, dict[str, Tally]]
    files: dict[str, Tally]
    sales: dict[tuple[date, str], CategorySales] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run) -> Self:
        """The truth before the first message: files are known, nothing is sold."""
        topics = {topic: {label: Tally() for label in labels(topic)} for topic in TOPICS}
        landed = {file.source: tally_of(file.rows) for file in files(run.day, run.seed)}
        return cls(run.run_id, run.seed, run.day, topics, landed)

    def counting(self, messages: Iterable[Message]) -> Iterator[Message]:
        """The same messages, each counted as it passes."""
        for message in messages:
            self.topics[message.topic][message.label].add(message.value)
            if message.sales:
                self._sell(message.sales)
            yield message

    def _sell(self, sales: tuple[Sale, ...]) -> None:
        for category, quantity, revenue_eur_cents in sales:
            total = self.sales.setdefault((self.day, category), CategorySales())
            total.items_count += 1
            total.units_count += quantity
            total.revenue_eur_cents += revenue_eur_cents
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
            "sales": [
                {"order_date": str(order_date), "category": category, **asdict(total)}
                for (order_date, category), total in sorted(self.sales.items())
            ],
        }
        return json.dumps(document, indent=2) + "\n"

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
        sales = {}
        for entry in document["sales"]:
            key = date.fromisoformat(entry.pop("order_date")), entry.pop("category")
            sales[key] = CategorySales(**entry)
        day = date.fromisoformat(document["day"])
        return cls(document["run_id"], document["seed"], day, topics, landed, sales)


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
