"""Which table is made of which, laid out to be drawn: a column for each step from the source."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.spec import Spec

COLUMN_WIDTH, ROW_HEIGHT, NODE_WIDTH, NODE_HEIGHT, MARGIN = 205, 30, 175, 22, 2
SWEEPS = 4


@dataclass(frozen=True)
class Node:
    """A table at its place; x and y are those of its upper left corner, in pixels."""

    name: str
    layer: str
    x: float
    y: float


@dataclass(frozen=True)
class Edge:
    """A table that is read by another: a curve from the right of one to the left of the other."""

    source: str
    target: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """All tables and who reads whom."""

    node_width, node_height = NODE_WIDTH, NODE_HEIGHT

    nodes: list[Node]
    edges: list[Edge]
    width: float
    height: float


def drawing(specs: Mapping[str, Spec]) -> Drawing:
    """The tables in columns, each right of all it reads, near what it reads.

    Source: Sugiyama's layered drawing with barycentre ordering, without dummy nodes.
    """
    columns = _columns(specs)
    place = _places(specs, columns)
    nodes = {
        name: Node(
            name,
            specs[name].layer,
            MARGIN + step * COLUMN_WIDTH,
            MARGIN + place[name] * ROW_HEIGHT,
        )
        for step, column in enumerate(columns)
        for name in column
    }
    edges = [
        Edge(source, name, _curve(nodes[source], nodes[name]))
        for name, spec in specs.items()
        for source in spec.inputs
    ]
    rows = max(map(len, columns), default=0)
    width = len(columns) * COLUMN_WIDTH - (COLUMN_WIDTH - NODE_WIDTH) + 2 * MARGIN
    return Drawing(list(nodes.values()), edges, width, rows * ROW_HEIGHT + 2 * MARGIN)


def _columns(specs: Mapping[str, Spec]) -> list[list[str]]:
    step: dict[str, int] = {}
    for name, spec in specs.items():  # inputs come before their readers
        step[name] = max((step[each] + 1 for each in spec.inputs), default=0)
    columns: list[list[str]] = [[] for _ in range(max(step.values(), default=-1) + 1)]
    for name, number in step.items():
        columns[number].append(name)
    return columns


def _places(specs: Mapping[str, Spec], columns: list[list[str]]) -> dict[str, float]:
    """The row of each table, after each column was sorted by where its neighbours are."""
    neighbours: dict[str, set[str]] = {name: set(spec.inputs) for name, spec in specs.items()}
    for name, spec in specs.items():
        for each in spec.inputs:
            neighbours[each].add(name)
    place = {name: float(row) for column in columns for row, name in enumerate(column)}
    most = max(map(len, columns), default=0)
    for _ in range(SWEEPS):
        for column in columns:
            column.sort(key=lambda name: _mean([place[each] for each in neighbours[name]]))
            spread = most / len(column)
            place.update({name: (row + 0.5) * spread - 0.5 for row, name in enumerate(column)})
    return place


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _curve(source: Node, target: Node) -> str:
    x1, y1 = source.x + NODE_WIDTH, source.y + NODE_HEIGHT / 2
    x2, y2 = target.x, target.y + NODE_HEIGHT / 2
    bend = (x1 + x2) / 2
    return f"M{x1:.0f},{y1:.1f}C{bend:.0f},{y1:.1f} {bend:.0f},{y2:.1f} {x2:.0f},{y2:.1f}"
