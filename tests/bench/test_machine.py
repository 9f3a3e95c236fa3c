"""Figures of two days can be compared only if the machine was measured by the same work."""

from infra.machine import calibrate

RESULT = "a370256ba922c31111bdaaf1f75808e04e6dd93a1cc6202196df17a8d04f9e44"


def test_the_work_that_calibrates_never_changes() -> None:
    assert calibrate() == RESULT
