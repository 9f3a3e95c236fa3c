"""What a check came to. Not having looked is a verdict of its own, and never a good one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "not checked"]


@dataclass(frozen=True)
class Verdict:
    """One line of the table: why it came out so, what to do next, and each finding."""

    check: str
    outcome: Outcome
    reason: str
    next_step: str = ""
    findings: tuple[str, ...] = ()


def passed(check: str, reason: str) -> Verdict:
    """All that the check asks for was seen."""
    return Verdict(check, "passed", reason)


def failed(check: str, reason: str, next_step: str, findings: Iterable[str] = ()) -> Verdict:
    """Something was seen that must not be."""
    return Verdict(check, "failed", reason, next_step, tuple(findings))


def not_checked(check: str, reason: str, next_step: str) -> Verdict:
    """Nobody looked, so nobody knows."""
    return Verdict(check, "not checked", reason, next_step)


def table(verdicts: Iterable[Verdict]) -> str:
    """The verdicts one below the other, each with its reason, its next step and its findings."""
    lines = []
    for verdict in verdicts:
        lines.append(f"{verdict.outcome:<12}{verdict.check}: {verdict.reason}")
        lines += [f"{'':<14}{finding}" for finding in verdict.findings]
        if verdict.next_step:
            lines.append(f"{'':<12}next: {verdict.next_step}")
    return "\n".join(lines)


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """1 if any check failed, else 0: what was not checked fails nothing, and is said."""
    return int(any(verdict.outcome == "failed" for verdict in verdicts))
