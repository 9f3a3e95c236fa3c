"""What a proof shows: values beside what was expected of them, small tables, and series to draw."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Number = int | float
Scalar = Number | str | bool


@dataclass(frozen=True)
class Bounds:
    """What a measured number may be. Both ends belong to it unless `is_open`."""

    low: Number | None = None
    high: Number | None = None
    is_open: bool = False

    def hold(self, measured: Number) -> bool:
        """Whether the number is within."""
        if self.is_open and measured in (self.low, self.high):
            return False
        return (self.low is None or measured >= self.low) and (
            self.high is None or measured <= self.high
        )

    def __str__(self) -> str:
        equal = "" if self.is_open else "="
        if self.low is not None and self.high is not None:
            return f"{shown(self.low)} to {shown(self.high)}"
        if self.low is not None:
            return f">{equal} {shown(self.low)}"
        return f"<{equal} {shown(self.high or 0)}"


def at_least(low: Number) -> Bounds:
    """That number or more."""
    return Bounds(low=low)


def at_most(high: Number) -> Bounds:
    """That number or less."""
    return Bounds(high=high)


def more_than(low: Number) -> Bounds:
    """More than that number."""
    return Bounds(low=low, is_open=True)


def less_than(high: Number) -> Bounds:
    """Less than that number."""
    return Bounds(high=high, is_open=True)


@dataclass(frozen=True)
class Value:
    """A measured value. `expected` is empty where it is only told."""

    claim: str
    label: str
    expected: str
    measured: Scalar
    unit: str
    is_met: bool
    kind: str = "value"

    @property
    def text(self) -> str:
        """The value as a sentence quotes it."""
        return f"{shown(self.measured)} {self.unit}".strip()


@dataclass(frozen=True)
class Table:
    """A few rows worth seeing."""

    claim: str
    label: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    kind: str = "table"


@dataclass(frozen=True)
class Series:
    """A number for each name, to be drawn as bars in the order given."""

    claim: str
    label: str
    unit: str
    points: Mapping[str, Number]
    kind: str = "series"


Item = Value | Table | Series
KINDS: dict[str, type[Item]] = {"value": Value, "table": Table, "series": Series}


@dataclass
class Evidence:
    """What one test shows. Calling it records a value, and fails the test if it is not as expected.

    A label names a value once in a proof; the answer's text quotes it as {{label}}.
    """

    claim: str
    items: list[Item] = field(default_factory=list)

    def __call__(
        self, label: str, measured: Scalar, expected: Scalar | Bounds | None = None, unit: str = ""
    ) -> None:
        """Nothing; the value is kept.

        Raises: AssertionError if it is not what was expected.
        """
        is_met = (
            expected.hold(measured)  # type: ignore[arg-type]
            if isinstance(expected, Bounds)
            else expected is None or measured == expected
        )
        wanted = "" if expected is None else shown(expected)
        self.items.append(Value(self.claim, label, wanted, measured, unit, is_met))
        assert is_met, f"{label}: expected {wanted}, measured {shown(measured)} {unit}".strip()

    def table(self, label: str, columns: Sequence[str], rows: Sequence[Sequence[Scalar]]) -> None:
        """Nothing; the rows are kept for people to see."""
        self.items.append(Table(self.claim, label, tuple(columns), tuple(map(tuple, rows))))

    def series(self, label: str, points: Mapping[str, Number], unit: str = "") -> None:
        """Nothing; the bars are kept for people to see."""
        self.items.append(Series(self.claim, label, unit, dict(points)))


def shown(value: Scalar | Bounds) -> str:
    """A value as people read it: thousands separated, three digits that count."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def to_json(items: Sequence[Item]) -> list[dict[str, Any]]:
    """The items as JSON keeps them."""
    return [asdict(item) for item in items]


def from_json(rows: Sequence[Mapping[str, Any]]) -> list[Item]:
    """The items that JSON kept.

    Raises: TypeError, KeyError or ValueError if it is not what was kept.
    """
    items: list[Item] = []
    for row in rows:
        values = dict(row)
        if values["kind"] == "table":
            values["columns"] = tuple(values["columns"])
            values["rows"] = tuple(map(tuple, values["rows"]))
        item = KINDS[values["kind"]](**values)
        _require_whole(item)
        items.append(item)
    return items


def _require_whole(item: Item) -> None:
    """Nothing, for an item that can be shown.

    Raises: TypeError with its label.
    """
    match item:
        case Value(measured=measured):
            is_whole = isinstance(measured, Scalar)
        case Table(columns=columns, rows=rows):
            is_whole = all(
                len(row) == len(columns) and all(isinstance(value, Scalar) for value in row)
                for row in rows
            )
        case Series(points=points):
            is_whole = all(isinstance(value, Number) for value in points.values())
    if not is_whole:
        raise TypeError(f"{item.label!r} holds what cannot be shown")


def quoted(items: Sequence[Item]) -> dict[str, str]:
    """The values as sentences quote them, by label."""
    return {item.label: item.text for item in items if isinstance(item, Value)}
