"""What is waited for is looked at until it is so, and what it is not is told in the end."""

import re
from itertools import accumulate, count, islice, pairwise
from queue import SimpleQueue
from typing import Any

import pytest

from jobs import patience
from jobs.errors import LakeproofError, StandsStill
from jobs.patience import (
    PAUSES,
    STILL_SECONDS,
    Awaited,
    Progress,
    await_progress,
    await_true,
    told,
    told_after,
)


class Clock:
    """Time that only sleeping spends."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    simulated = Clock()
    monkeypatch.setattr(patience, "time", simulated)
    return simulated


def late(cause: Exception | None) -> LakeproofError:
    return LakeproofError(f"too late: {cause}")


def test_the_first_true_look_is_given(clock: Clock) -> None:
    looks = iter([0, None, 7, 8])
    assert await_true(lambda: next(looks), 60, late, poll_seconds=2) == 7
    assert clock.now == 4


def test_without_patience_there_is_one_look_and_the_failure_says_why() -> None:
    looks = []

    def refused() -> bool:
        looks.append(1)
        raise ConnectionError("refused")

    with pytest.raises(LakeproofError, match="too late: refused"):
        await_true(refused, 0, late, not_yet=(OSError,))
    assert len(looks) == 1


def test_an_error_before_the_last_look_is_not_the_cause() -> None:
    looks = iter([ConnectionError("refused"), None])

    def look() -> bool:
        if error := next(looks, None):
            raise error
        return False

    with pytest.raises(LakeproofError, match="too late: None"):
        await_true(look, 1, late, poll_seconds=2, not_yet=(OSError,))


def test_any_other_error_goes_through_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        await_true(lambda: 1 // 0, 60, late, not_yet=(OSError,))


def awaited(**more: Any) -> Awaited:
    return Awaited(lambda: "the cake", last_words=lambda: "the oven is cold", **more)


def test_a_wait_goes_on_for_as_long_as_something_moves(clock: Clock) -> None:
    slices = count()
    end = 20 * STILL_SECONDS
    moving = awaited(signs=lambda: [f"{next(slices)} slices"])
    assert await_progress(lambda: clock.now >= end and "cake", moving) == "cake"
    assert end <= clock.now < end + PAUSES[1]


def test_it_ends_when_nothing_has_moved_for_minutes_and_says_what_stands_still(
    clock: Clock,
) -> None:
    baked = awaited(signs=lambda: ["dough"] if clock.now < 100 else ["dough", "crust"])
    with pytest.raises(StandsStill) as still:
        await_progress(lambda: None, baked)
    assert STILL_SECONDS <= clock.now - 100 < STILL_SECONDS + 2 * PAUSES[1]
    told = str(still.value)
    assert re.search(r"nothing has moved for 30\d s: the cake, since .*s ago: crust", told)
    assert "the oven is cold" in told


def test_a_sign_that_was_given_before_is_no_movement(clock: Clock) -> None:
    to_and_fro = awaited(signs=lambda: [f"started {int(clock.now) // 10 % 2}"])
    with pytest.raises(StandsStill):
        await_progress(lambda: None, to_and_fro)
    assert clock.now < STILL_SECONDS + 30


def test_an_answer_that_is_not_there_yet_is_asked_for_again_and_told_in_the_end(
    clock: Clock,
) -> None:
    def refused() -> bool:
        raise ConnectionError("refused")

    with pytest.raises(StandsStill, match="the last answer: refused"):
        await_progress(refused, awaited(), not_yet=(OSError,))
    with pytest.raises(ConnectionError):
        await_progress(refused, awaited())


def test_without_a_time_to_stand_still_there_is_one_look() -> None:
    looks = []
    with pytest.raises(StandsStill):
        await_progress(lambda: looks.append(1), awaited(still_seconds=0))
    assert looks == [1]


def test_while_nothing_moves_it_looks_less_and_less_often(clock: Clock) -> None:
    looks: list[float] = []
    moved = awaited(signs=lambda: ["dough"] if clock.now < 60 else ["dough", "crust"])

    def look() -> bool:
        looks.append(clock.now)
        return clock.now > 70

    await_progress(look, moved)
    pauses = [after - before for before, after in pairwise(looks)]
    assert pauses[0] < pauses[1] < pauses[2] < pauses[5] == PAUSES[1]
    assert min(pauses[5:]) == PAUSES[0]  # when something has moved, more may follow soon
    assert len(looks) < 40


def test_people_hear_of_a_wait_while_the_look_itself_hangs() -> None:
    lines: SimpleQueue[str] = SimpleQueue()
    progress = Progress(awaited(signs=lambda: ["dough"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience, "TOLD_SECONDS", (0.01,))
        with told(progress, lines.put):
            assert "waiting for the cake, since" in lines.get(timeout=60)
            assert "waiting for the cake, since" in lines.get(timeout=60)


def test_of_a_wait_within_a_wait_one_line_tells_both() -> None:
    lines: SimpleQueue[str] = SimpleQueue()
    of_eggs_alone: SimpleQueue[str] = SimpleQueue()
    cake, eggs = (Awaited(lambda what=what: what) for what in ("the cake", "the eggs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience, "TOLD_SECONDS", (0.01,))
        with told(Progress(cake), lines.put):
            with told(Progress(eggs), of_eggs_alone.put):
                line = lines.get(timeout=60)
                while "eggs" not in line:  # one that was begun before
                    line = lines.get(timeout=60)
                assert re.match(r" *waiting for the cake, .*; for the eggs, ", line)
                for _ in range(5):
                    lines.get(timeout=60)
            while "eggs" in line:
                line = lines.get(timeout=60)
    assert of_eggs_alone.empty()


def test_lines_come_after_two_seconds_and_then_ever_more_rarely() -> None:
    assert list(accumulate(islice(told_after(), 6))) == [2, 10, 30, 60, 90, 120]
