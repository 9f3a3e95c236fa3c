"""What is kept of a test: why it failed, never nothing when it did."""

import pytest

from answers.keeper import failure


@pytest.mark.parametrize(
    ("error", "told"),
    [(AssertionError("rows lost: 3"), "rows lost: 3"), (TimeoutError(), "TimeoutError")],
)
def test_a_test_that_failed_is_never_kept_as_one_that_passed(error: Exception, told: str) -> None:
    def fail() -> None:
        raise error

    assert failure(pytest.CallInfo.from_call(fail, "call")) == told


def test_a_test_that_passed_has_no_failure() -> None:
    assert failure(pytest.CallInfo.from_call(lambda: None, "call")) == ""
