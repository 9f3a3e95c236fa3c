"""What a table is. Everything else of the platform derives from these."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jobs.errors import SpecError

LAYERS = ("bronze", "silver", "gold")
# What a topic's schema may change to: one that reads what was written by the old, one whose
# messages the old reads, one of which both is true, or any.
COMPATIBILITIES = ("BACKWARD", "FORWARD", "FULL", "NONE")
# Dataset rules that need other tables or the past: judged beside the runs, see quality/watch.py.
WATCHED = ("references", "reconciles", "volume", "drift", "fresh")
# What the load `history` adds to the columns of the transform, beside the surrogate key.
VALIDITY = {"effective_from": "timestamp", "effective_to": "timestamp", "is_current": "boolean"}


@dataclass(frozen=True)
class Column:
    """One column: its Spark type, and what a reader must know before using it."""

    type: str
    about: str = ""
    unit: str = ""
    nullable: bool = False
    pii: str = "none"


@dataclass(frozen=True)
class Rule:
    """One quality rule. `on_fail` quarantines rows; `severity` judges the whole batch."""

    rule: str
    column: str = ""
    reason: str = ""
    on_fail: str = ""
    severity: str = ""
    args: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The reason written into quarantine and reports."""
        return self.reason or (f"{self.rule}:{self.column}" if self.column else self.rule)


@dataclass(frozen=True)
class Source:
    """Where a bronze table's raw records come from: a Kafka topic or a landing prefix.

    `pull` says what brings the files there before they are read; without it, others do. `capture`
    names the table of the shop's database whose changes go to the topic. `compatibility` is the
    mode of the topic's subject in the schema registry.
    """

    kind: str
    format: str
    topic: str = ""
    key: str = ""
    prefix: str = ""
    partitions: int = 3
    capture: str = ""
    compatibility: str = "BACKWARD"
    pull: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Projection:
    """A second way to a mart's rows: all of them in another order, or what a `select` makes."""

    name: str
    order_by: tuple[str, ...] = ()
    select: str = ""


@dataclass(frozen=True)
class Tell:
    """What people are told when rows come into a gold table for which `when` holds."""

    title: str
    when: str = "true"
    severity: str = "warning"


@dataclass(frozen=True)
class Serve:
    """How ClickHouse holds a gold table."""

    order_by: tuple[str, ...]
    partition_by: str = ""
    projections: tuple[Projection, ...] = ()


@dataclass(frozen=True)
class Spec:
    """One table, whole. `columns` of a bronze spec are the contract of its messages."""

    name: str
    description: str
    grain: str
    load: str
    columns: dict[str, Column]
    version: str = "1.0.0"
    inputs: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    sequence_by: str = ""
    then_by: str = ""
    surrogate_key: str = ""
    group: str = ""
    touched_by: dict[str, str] = field(default_factory=dict)
    refuses: bool = False
    touched_since: dict[str, list[str]] = field(default_factory=dict)
    reaches_days: dict[str, int] = field(default_factory=dict)
    partition_by: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    quality: tuple[Rule, ...] = ()
    freshness: str = ""
    near_real_time: bool = False
    source: Source | None = None
    serve: Serve | None = None
    tell: Tell | None = None
    second_opinion: str = ""
    examples: tuple[dict[str, Any], ...] = ()

    @property
    def layer(self) -> str:
        """bronze, silver or gold."""
        return self.name.partition(".")[0]

    @property
    def raw_inputs(self) -> tuple[str, ...]:
        """The inputs whose records are raw."""
        return tuple(name for name in self.inputs if name.startswith("bronze."))

    @property
    def types(self) -> dict[str, str]:
        """Spark types by column."""
        return {name: column.type for name, column in self.columns.items()}

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns no two rows share; in `history` a key has a row per version."""
        return (*self.keys, "effective_from") if self.load == "history" else self.keys

    @property
    def order(self) -> tuple[str, ...]:
        """The columns by which the versions of a row are put in order: of equals, the second.

        `then_by` is a place in the source's log, a whole number: what stands later there is what
        the source says now, also where its times go back.
        """
        return (self.sequence_by, self.then_by) if self.then_by else (self.sequence_by,)

    @property
    def transformed(self) -> dict[str, str]:
        """Spark types of the columns that the transform returns; `history` adds the others."""
        added = {self.surrogate_key, *VALIDITY} if self.load == "history" else set()
        return {name: type_ for name, type_ in self.types.items() if name not in added}

    @property
    def row_rules(self) -> tuple[Rule, ...]:
        """The rules that decide a row's fate; in silver, columns that may not be null are some."""
        complete = (
            self._complete("not_null", on_fail="quarantine") if self.layer == "silver" else ()
        )
        return (*complete, *(rule for rule in self.quality if rule.on_fail))

    @property
    def dataset_rules(self) -> tuple[Rule, ...]:
        """The rules that judge a batch; in gold, columns that may not be null are some.

        Gold rows are made here, not outside: a bad one is our own fault and stops the run.
        """
        complete = self._complete("complete", severity="critical") if self.layer == "gold" else ()
        judged = (rule for rule in self.quality if rule.severity and rule.rule not in WATCHED)
        return (*complete, *judged)

    @property
    def watch_rules(self) -> tuple[Rule, ...]:
        """The rules judged beside the runs; a table that says how fresh it is has one for that."""
        given = tuple(rule for rule in self.quality if rule.rule in WATCHED)
        if not self.freshness:
            return given
        return (*given, Rule("fresh", severity="warning", args={"within": self.freshness}))

    def _complete(self, rule: str, on_fail: str = "", severity: str = "") -> tuple[Rule, ...]:
        said = {one.column for one in self.quality if one.rule == rule}
        required = (
            name
            for name in self.transformed
            if not self.columns[name].nullable and name not in said
        )
        return tuple(Rule(rule, name, on_fail=on_fail, severity=severity) for name in required)

    @property
    def transform(self) -> Callable[..., Any]:
        """The table's pure function, one parameter per input.

        Raises: SpecError if its parameters do not match the inputs.
        """
        module = importlib.import_module(f"jobs.{self.name}")
        function: Callable[..., Any] = module.transform
        expected = [name.partition(".")[2] for name in self.inputs]
        if list(inspect.signature(function).parameters) != expected:
            raise SpecError(
                f"jobs/{self.name.replace('.', '/')}.py: transform must take {expected}"
            )
        return function
