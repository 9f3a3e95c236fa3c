"""What each table is, read from `jobs/<layer>/<table>.yml`; all else derives from it."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from jobs.errors import SpecError

LAYERS = ("bronze", "silver", "gold")
OUTCOMES = (("quarantine", ""), ("", "critical"), ("", "warning"))
LOADS = ("append", "insert", "upsert", "recompute")
VERSION = re.compile(r"\d+\.\d+\.\d+")
FOLDER = Path(__file__).resolve().parent


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
    """Where a bronze table's raw records come from: a Kafka topic or a landing prefix."""

    kind: str
    format: str
    topic: str = ""
    key: str = ""
    prefix: str = ""
    partitions: int = 3


@dataclass(frozen=True)
class Serve:
    """How ClickHouse holds a gold table."""

    order_by: tuple[str, ...]
    partition_by: str = ""


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
    group: str = ""
    touched_by: dict[str, str] = field(default_factory=dict)
    partition_by: tuple[str, ...] = ()
    quality: tuple[Rule, ...] = ()
    freshness: str = ""
    source: Source | None = None
    serve: Serve | None = None
    examples: tuple[dict[str, Any], ...] = ()

    @property
    def layer(self) -> str:
        """bronze, silver or gold."""
        return self.name.partition(".")[0]

    @property
    def types(self) -> dict[str, str]:
        """Spark types by column."""
        return {name: column.type for name, column in self.columns.items()}

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
        return (*complete, *(rule for rule in self.quality if rule.severity))

    def _complete(self, rule: str, on_fail: str = "", severity: str = "") -> tuple[Rule, ...]:
        required = (name for name, column in self.columns.items() if not column.nullable)
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


def _build(cls: type[Any], raw: Any, where: str) -> Any:
    """An instance of a spec dataclass; an unknown or missing key is an error."""
    if not isinstance(raw, dict):
        raise SpecError(f"{where} must be a mapping, not {raw!r}")
    known = sorted(item.name for item in fields(cls))
    unknown = sorted(set(raw).difference(known))
    if unknown:
        raise SpecError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(known)}")
    try:
        return cls(**{key: tuple(v) if isinstance(v, list) else v for key, v in raw.items()})
    except TypeError as error:
        raise SpecError(f"{where}: {error}") from None


def _rule(raw: dict[str, Any], where: str) -> Rule:
    named = {"rule", "column", "reason", "on_fail", "severity"}
    args = {key: value for key, value in raw.items() if key not in named}
    rule: Rule = _build(Rule, {k: v for k, v in raw.items() if k in named} | {"args": args}, where)
    if (rule.on_fail, rule.severity) not in OUTCOMES:
        raise SpecError(
            f"{where}: rule {rule.name!r} needs either `on_fail: quarantine` (a row rule) "
            f"or `severity: critical|warning` (a dataset rule)"
        )
    return rule


def read_spec(path: Path) -> Spec:
    """The table described by one YAML file; its name is the file's place.

    Raises: SpecError naming file and key when the file is wrong.
    """
    name = f"{path.parent.name}.{path.stem}"
    where = f"jobs/{path.parent.name}/{path.name}"
    raw = yaml.safe_load(path.read_text())
    if not isinstance(raw, dict):
        raise SpecError(f"{where} must be a mapping")
    raw["columns"] = {
        column: _build(Column, value if isinstance(value, dict) else {"type": value}, where)
        for column, value in raw.get("columns", {}).items()
    }
    raw["quality"] = [_rule(rule, where) for rule in raw.get("quality", [])]
    for key, cls in (("source", Source), ("serve", Serve)):
        if key in raw:
            raw[key] = _build(cls, raw[key], f"{where}: {key}")
    spec: Spec = _build(Spec, {"name": name, **raw}, where)
    _check(spec, where)
    return spec


def _check(spec: Spec, where: str) -> None:
    """Raises: SpecError with the first sentence that is true."""
    named = [*spec.keys, *spec.partition_by, spec.group, spec.sequence_by]
    named += [rule.column for rule in spec.quality]
    strange = [name for name in named if name and name not in spec.columns]
    foreign = [table for table in spec.touched_by if table not in spec.inputs]
    is_bronze = spec.layer == "bronze"
    wrong = {
        f"version must be like 1.0.0, not {spec.version}": not VERSION.fullmatch(str(spec.version)),
        f"load must be one of {', '.join(LOADS)}, not {spec.load!r}": spec.load not in LOADS,
        "a bronze table has a source, no other has": is_bronze != (spec.source is not None),
        "keys, inputs and at least one example are needed": not is_bronze
        and not (spec.keys and spec.inputs and spec.examples),
        f"{strange} is not among its columns": bool(strange) and not is_bronze,
        "gold has no quarantine; make the rule `severity: critical`": spec.layer == "gold"
        and any(rule.on_fail for rule in spec.quality),
        "upsert needs sequence_by, and only upsert has it": (spec.load == "upsert")
        != bool(spec.sequence_by),
        f"touched_by names {foreign}, which is no input": bool(foreign),
    }
    for sentence, is_true in wrong.items():
        if is_true:
            raise SpecError(f"{where}: {sentence}")


def ordered(specs: Iterable[Spec]) -> dict[str, Spec]:
    """Specs by name, inputs before their readers.

    Raises: SpecError on an unknown input or a circle.
    """
    by_name = {spec.name: spec for spec in specs}
    for spec in by_name.values():
        for table in spec.inputs:
            if table not in by_name:
                raise SpecError(f"{spec.name} reads {table}, which has no jobs/<layer>/<table>.yml")
    try:
        graph = {spec.name: sorted(spec.inputs) for spec in by_name.values()}
        names = TopologicalSorter(graph).static_order()
        return {name: by_name[name] for name in names}
    except CycleError as error:
        raise SpecError(
            f"tables read each other in a circle: {' -> '.join(error.args[1])}"
        ) from None


@cache
def load_specs() -> dict[str, Spec]:
    """Every table of the platform by name, inputs before their readers."""
    paths = [path for layer in LAYERS for path in sorted((FOLDER / layer).glob("*.yml"))]
    return ordered(read_spec(path) for path in paths)


def find_spec(name: str) -> Spec:
    """The table of that name.

    Raises: SpecError listing the names there are.
    """
    specs = load_specs()
    if name not in specs:
        raise SpecError(f"no table {name!r}; there are {', '.join(specs)}")
    return specs[name]
