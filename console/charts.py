"""Numbers to be drawn: bars of a series, and the line of a value over its runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from answers.evidence import Number, Scalar, Series, Value, shown
from answers.runs import Run

LINE_WIDTH, LINE_HEIGHT = 120, 24
FEWEST_POINTS = 2


@dataclass(frozen=True)
class Bar:
    """A bar and its share of the longest one, in percent."""

    name: str
    text: str
    percent: float


@dataclass(frozen=True)
class Trend:
    """A value of the newest run, and the line of all runs from old to new."""

    value: Value
    points: str


def bars(series: Series) -> list[Bar]:
    """The bars in the order given."""
    most = max(map(abs, series.points.values()), default=0) or 1
    return [
        Bar(name, f"{shown(value)} {series.unit}".strip(), 100 * abs(value) / most)
        for name, value in series.points.items()
    ]


def trends(runs: Sequence[Run]) -> list[Trend]:
    """The numbers of the newest run that were others before; runs are newest first."""
    if not runs:
        return []
    found = []
    for item in runs[0].evidence:
        if isinstance(item, Value) and _is_number(item.measured):
            values = [value for run in reversed(runs) for value in _values(run, item.label)]
            if len(set(values)) >= FEWEST_POINTS:
                found.append(Trend(item, _line(values)))
    return found


def _values(run: Run, label: str) -> list[Number]:
    return [
        item.measured
        for item in run.evidence
        if isinstance(item, Value) and item.label == label and _is_number(item.measured)
        if not isinstance(item.measured, str)
    ]


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _line(values: Sequence[Number]) -> str:
    low, high = min(values), max(values)
    step, level = LINE_WIDTH / (len(values) - 1), LINE_HEIGHT - 4
    places = [
        (index * step, 2 + level * (high - value) / (high - low))
        for index, value in enumerate(values)
    ]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
