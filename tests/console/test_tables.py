"""What the pipeline page says of a table in each of its states."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from console.tables import Pipeline, TableState, state_of
from jobs.commits import RunRecord, Standing
from jobs.logs import Log, RunCommit
from jobs.specs import find_spec

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
BRONZE, SILVER = find_spec("bronze.orders"), find_spec("silver.orders")


def log(*counts: Mapping[str, int], **more: object) -> Log:
    """A log with a run for each of the counts, oldest first; the last run says more."""
    runs = []
    for number, each in enumerate(counts, 1):
        said = more if number == len(counts) else {}
        record = RunRecord(f"r{number}", number, "t", {}, dict(each), **said)  # type: ignore[arg-type]
        runs.append(RunCommit(number, NOW + timedelta(hours=number), record))
    return Log(Standing(len(counts), NOW + timedelta(days=1), 7, 70), runs[::-1])


def pipeline(bronze: TableState, silver: TableState) -> Pipeline:
    return Pipeline({BRONZE.name: bronze, SILVER.name: silver})


def landed(count: int) -> TableState:
    return state_of(BRONZE, log({"landed": count}), NOW)


def with_fates(**counts: int) -> TableState:
    return state_of(SILVER, log(counts), NOW)


def test_without_a_table_nothing_is_told() -> None:
    state = state_of(SILVER, None, NOW)
    assert (state.now, state.last, state.gate, state.is_known) == (None, None, "", True)


def test_a_table_before_its_first_run_has_ended_has_rows_and_no_run() -> None:
    state = state_of(SILVER, log(), NOW)
    assert state.now and state.now.rows_count == 7
    assert (state.last, state.ended_at, state.gate, state.counts) == (None, None, "", {})
    assert pipeline(landed(3), state).balance(SILVER.name) == ""


def test_the_last_run_is_the_newest_and_the_counts_are_of_all() -> None:
    state = state_of(SILVER, log({"accepted": 1}, {"accepted": 2}, warnings=["late"]), NOW)
    assert state.last and state.last.run_id == "r2"
    assert state.counts == {"accepted": 3}
    assert state.gate == "1 warning"


def test_the_end_of_the_last_run_is_not_that_of_later_maintenance() -> None:
    assert state_of(SILVER, log({"accepted": 1}), NOW).ended_at == NOW + timedelta(hours=1)


def test_a_rebuilt_table_accounts_from_its_rebuild_on() -> None:
    state = state_of(SILVER, log({"accepted": 5}, {"accepted": 4}, stands_on=-1), NOW)
    assert state.counts == {"accepted": 4}


def test_the_balance_says_equal_how_many_wait_and_how_many_are_too_many() -> None:
    balances = [
        pipeline(landed(5), with_fates(accepted=3, duplicate=1, quarantined=count)).balance(
            SILVER.name
        )
        for count in (1, 0, 2)
    ]
    assert balances == ["equal", "1 waiting", "1 too many"]


def test_there_is_no_balance_with_what_is_not_known() -> None:
    silver = with_fates(accepted=3)
    assert pipeline(TableState(BRONZE), silver).balance(SILVER.name) == ""
    broken = TableState(BRONZE, NOW, trouble="its log is broken")
    assert pipeline(broken, silver).balance(SILVER.name) == ""
    assert pipeline(landed(3), silver).balance(BRONZE.name) == ""


def test_the_page_is_as_old_as_the_log_read_longest_ago() -> None:
    old = state_of(BRONZE, None, NOW - timedelta(minutes=1))
    assert pipeline(old, with_fates(accepted=1)).seen_at == NOW - timedelta(minutes=1)
    assert pipeline(TableState(BRONZE), with_fates(accepted=1)).seen_at is None


def test_whether_nothing_was_refused_is_known_only_once_all_is_read() -> None:
    assert not pipeline(TableState(BRONZE), with_fates(accepted=1)).is_known
    assert pipeline(landed(1), with_fates(accepted=1)).is_known


def test_the_reason_with_the_most_records_comes_first() -> None:
    silver = state_of(SILVER, log({}, reasons={"late": 1, "unreadable": 2}), NOW)
    found = pipeline(landed(3), silver).quarantine()
    assert found == [(SILVER.name, "unreadable", 2), (SILVER.name, "late", 1)]
