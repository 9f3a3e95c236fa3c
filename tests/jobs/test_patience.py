"""What is waited for is looked at until it is so, and what it is not is told in the end."""

import pytest

from jobs import patience
from jobs.errors import LakeproofError
from jobs.patience import await_true


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
