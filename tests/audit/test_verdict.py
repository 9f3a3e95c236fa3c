"""What was not checked is said as such, and only a failure fails."""

from infra.audit.verdict import exit_code, failed, not_checked, passed, table

GOOD = passed("jars", "all 3 are known")
UNKNOWN = not_checked("vulnerabilities", "no network", "try again")
BAD = failed("licences", "1 is unknown", "find out", ["thing.jar says nothing"])


def test_only_a_failure_fails() -> None:
    assert [exit_code(each) for each in ([], [GOOD], [GOOD, UNKNOWN], [UNKNOWN, BAD])] == [
        0, 0, 0, 1,
    ]  # fmt: skip


def test_each_line_says_verdict_reason_and_next_step() -> None:
    assert table([GOOD, UNKNOWN, BAD]) == (
        "passed      jars: all 3 are known\n"
        "not checked vulnerabilities: no network\n"
        "            next: try again\n"
        "failed      licences: 1 is unknown\n"
        "              thing.jar says nothing\n"
        "            next: find out"
    )
