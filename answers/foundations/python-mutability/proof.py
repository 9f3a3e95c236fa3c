"""What stays the same object when it changes, and two pipeline bugs that come from it."""

from collections.abc import Callable
from typing import Any

import pytest

from answers.evidence import Evidence, more_than

BATCH_ROWS = 100
REPEATED_ROWS = 20


def added(value: Any, more: Any) -> Any:
    """The value after an in-place addition, as a pipeline would write it."""
    value += more
    return value


def test_a_change_to_an_int_float_str_tuple_or_bool_makes_a_new_object(
    evidence: Evidence,
) -> None:
    pairs: list[tuple[Any, Any]] = [
        (1000, 1), (1.5, 1.0), ("order", "s"), ((1, 2), (3,)), (True, 1)
    ]  # fmt: skip
    rows = []
    for start, more in pairs:
        end = added(start, more)
        rows.append((type(start).__name__, repr(start), repr(end), end is not start))
    evidence.table("five kinds, each added to", ("kind", "before", "after", "new object"), rows)
    evidence("kinds that became another object", sum(row[3] for row in rows), 5, "of five")


def test_a_list_dict_or_set_is_changed_in_place_and_stays_the_same_object(
    evidence: Evidence,
) -> None:
    starts: list[tuple[Any, Callable[[Any], None]]] = [
        ([1], lambda value: value.append(2)),
        ({"a": 1}, lambda value: value.update(b=2)),
        ({1}, lambda value: value.add(2)),
    ]
    same = 0
    for value, change in starts:
        label_on_it = value
        before = len(value)
        change(value)
        assert len(label_on_it) == before + 1
        same += label_on_it is value
    evidence("kinds whose other label sees the change", same, 3, "of three")


def test_a_tuple_of_lists_is_immutable_and_yet_its_contents_change(evidence: Evidence) -> None:
    order = ("A-1", ["book"])
    with pytest.raises(TypeError, match="does not support item assignment") as slot:
        order[0] = "A-2"  # type: ignore[index]
    order[1].append("lamp")
    with pytest.raises(TypeError, match="unhashable") as hashed:
        hash(order)
    evidence("replacing a slot", str(slot.value), "'tuple' object does not support item assignment")
    evidence("items in its list, one before", len(order[1]), 2, "items")
    evidence("as the key of a dict", str(hashed.value), "unhashable type: 'list'")


def rows_of(batch: int) -> list[str]:
    return [f"{batch}-{number}" for number in range(BATCH_ROWS)]


@pytest.mark.control
def test_a_mutable_default_argument_leaks_rows_from_one_batch_into_the_next(
    evidence: Evidence,
) -> None:
    def naive(batch: int, rows: list[str] = []) -> list[str]:  # noqa: B006  # the bug itself
        rows += rows_of(batch)
        return list(rows)

    def mended(batch: int, rows: list[str] | None = None) -> list[str]:
        return [*(rows or []), *rows_of(batch)]

    evidence("rows in each batch", BATCH_ROWS, unit="rows")
    assert naive(1) == mended(1) == rows_of(1)
    leaked = naive(2)
    evidence("rows of the naive second batch", len(leaked), 2 * BATCH_ROWS, "rows")
    evidence("of them from the first batch", len(set(leaked) & set(rows_of(1))), more_than(0))
    second = mended(2)
    evidence("rows of the mended second batch", len(second), BATCH_ROWS, "rows")
    assert second == rows_of(2)


def test_only_what_cannot_change_can_be_the_key_that_removes_duplicates(
    evidence: Evidence,
) -> None:
    once = [["A-1", number] for number in range(BATCH_ROWS)]
    rows = [*once, *once[:REPEATED_ROWS]]
    with pytest.raises(TypeError, match="unhashable") as refused:
        set(rows)
    evidence("lists as keys", str(refused.value), "unhashable type: 'list'")
    kept = {tuple(row) for row in rows}
    evidence("rows with duplicates", len(rows), BATCH_ROWS + REPEATED_ROWS, "rows")
    evidence("rows without duplicates", len(kept), BATCH_ROWS, "rows")
    assert kept == {tuple(row) for row in once}
