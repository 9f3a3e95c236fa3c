"""Which columns each column is made of, read from Spark's own analysis of the transforms.

`python -m jobs.lineage` runs every transform on empty inputs whose columns carry their full names,
takes the plan that Spark made of it, and follows each output column through the expressions to the
inputs. It writes `docs/lineage.json`. What only decides which rows there are, such as a join's
condition or a filter, makes no column and is not followed.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.decode import ARRIVAL, ROW
from jobs.errors import LakeproofError
from jobs.session import spark
from jobs.settings import ROOT, load_settings
from jobs.spec import Spec
from jobs.specs import load_specs

LINEAGE = ROOT / "docs" / "lineage.json"
ROW_TYPE = (
    f"struct<record_id:bigint,source:string,ingested_at:timestamp,arrival:{ARRIVAL},error:string,"
    "raw_hash:bigint,new_fields:array<string>>"
)
# The load `history` computes these from when a version begins and the next one does.
TIMED = ("effective_from", "effective_to", "is_current")
INDENT = 3
ATTRIBUTE = re.compile(r"#(\d+)L?\b")
DEFINITION = re.compile(r"(?:(.*) AS )?(.*)#(\d+)L?", re.DOTALL)
Lineage = dict[str, dict[str, list[str]]]


def lineage(session: SparkSession, specs: Mapping[str, Spec]) -> Lineage:
    """By table and column the `layer.table.column` it is made of, in order of their names.

    Empty for a column that is made of none: a count of rows, a constant. Bronze is left out: its
    columns are the fields of its source.
    """
    session.conf.set("spark.sql.debug.maxToStringFields", "100000")
    return {spec.name: _of(session, spec, specs) for spec in specs.values() if not spec.source}


def _of(session: SparkSession, spec: Spec, specs: Mapping[str, Spec]) -> dict[str, list[str]]:
    inputs = [_named(session, specs[name]) for name in spec.inputs]
    explained = spec.transform(*inputs)._explain_string(extended=True)
    analysed = explained.partition("== Analyzed Logical Plan ==")[2].partition("\n== ")[0]
    made_of = Plan(analysed.strip("\n").split("\n")[1:]).origins()
    for name in spec.columns:
        sources = {spec.sequence_by} if name in TIMED else {*spec.keys, spec.sequence_by}
        if name not in spec.transformed:
            made_of[name] = {origin for source in sources for origin in made_of[source]}
    return {name: sorted(made_of[name]) for name in spec.columns}


def _named(session: SparkSession, spec: Spec) -> DataFrame:
    """No rows of a table, in columns that the plan shows as `layer.table.column` underneath."""
    columns = {**spec.types, **({ROW: ROW_TYPE} if spec.source else {})}
    schema = ", ".join(f"`{spec.name}.{name}` {type_}" for name, type_ in columns.items())
    aliases = [F.col(f"`{spec.name}.{name}`").alias(name) for name in columns]
    return session.createDataFrame([], schema).select(*aliases)


@dataclass
class Node:
    """One operator of a plan: its text and the operators below it."""

    text: str
    depth: int
    children: list["Node"] = field(default_factory=list)


class Plan:
    """An analysed plan as Spark prints it: one operator a line, indented below its reader."""

    def __init__(self, lines: list[str]) -> None:
        self._made_of: dict[str, set[str]] = {}
        self._names: dict[str, str] = {}
        path: list[Node] = []
        for line in lines:
            text = line.lstrip(":+- ")
            node = Node(text, (len(line) - len(text)) // INDENT)
            path = path[: node.depth]
            if path:
                path[-1].children.append(node)
            path.append(node)
        self._root = path[0]
        self._output = self._read(self._root)

    def origins(self) -> dict[str, set[str]]:
        """By column of the result the names of the columns of the leaves it is made of."""
        return {self._names[one]: self._leaves(one) for one in self._output}

    def _leaves(self, attribute: str) -> set[str]:
        found: set[str] = set()
        seen: set[str] = set()
        waiting = [attribute]
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            waiting += self._made_of.get(one, set())
            is_variable_of_lambda = one not in self._names
            if one not in self._made_of and not is_variable_of_lambda:
                found.add(self._names[one])
        return found

    def _read(self, node: Node) -> list[str]:
        """The attributes an operator hands on, after what defines them was noted."""
        below = [self._read(child) for child in node.children]
        operator = node.text.split(" ", 1)[0]
        lists = list(_lists(node.text))
        if operator in ("Project", "Aggregate", "LocalRelation", "Expand"):
            return [self._define(item) for item in lists[-1]]
        if operator == "Window":
            return below[0] + [self._define(item) for item in lists[0]]
        if operator == "Generate":
            made = [self._define(item) for item in lists[-1]]
            used = set(ATTRIBUTE.findall(node.text.rpartition(", [")[0]))
            self._made_of.update(dict.fromkeys(made, used))
            return below[0] + made
        if operator == "Union":
            for first, *others in zip(*below, strict=True):
                if first in self._made_of:
                    self._made_of[first] = self._made_of[first] | set(others)
        return below[0] if operator == "Union" else [one for each in below for one in each]

    def _define(self, item: str) -> str:
        matched = DEFINITION.fullmatch(item)
        if matched is None:
            raise LakeproofError(f"a plan of Spark holds {item[:80]!r}, which is no attribute")
        expression, name, attribute = matched.groups()
        self._names[attribute] = name
        if expression is not None:
            self._made_of[attribute] = set(ATTRIBUTE.findall(expression))
        return attribute


def _lists(text: str) -> Iterator[list[str]]:
    """The bracketed lists of an operator, split at their own commas."""
    depth, items, start = 0, list[str](), 0
    for place, character in enumerate(text):
        if character in "([":
            depth += 1
            if depth == 1:
                items, start = [], place + 1
        elif character in ")]":
            depth -= 1
            if depth == 0 and character == "]":
                last = text[start:place].strip()
                yield [*items, last] if last else items
        elif character == "," and depth == 1:
            items.append(text[start:place].strip())
            start = place + 1


def stored() -> Lineage:
    """The lineage as last written; without tables that are newer."""
    found: Lineage = json.loads(LINEAGE.read_text()) if LINEAGE.exists() else {}
    return found


def write(found: Lineage) -> None:
    """Nothing; the file holds the lineage."""
    LINEAGE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    try:
        write(lineage(spark(load_settings()), load_specs()))
    except LakeproofError as error:
        sys.exit(f"error: {error}")
    print(f"wrote {LINEAGE.relative_to(ROOT)}")
