"""A log is read once, and what is committed, deleted or made anew since is seen."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from jobs import commits
from jobs.errors import LakeproofError
from jobs.logs import Log, Logs
from jobs.objects import delete_objects
from jobs.session import object_store
from jobs.settings import Settings
from tests.integration.commits_by_hand import ROWS_COUNT, commit, record

pytestmark = pytest.mark.integration

TABLE = "silver.orders"


@pytest.fixture
def lake(stack: Settings) -> Iterator[Settings]:
    """A part of the lake that no service but the store knows of."""
    own = replace(stack, namespace=f"logs_{uuid4().hex[:8]}")
    yield own
    delete_objects(own, f"{own.namespace}/")


@pytest.fixture
def logs(lake: Settings) -> Logs:
    return Logs(lake)


def read(logs: Logs, lake: Settings) -> Log:
    found = look(logs, lake)
    assert found
    return found


def look(logs: Logs, lake: Settings) -> Log | None:
    return logs.read(object_store(lake), lake.table_path(TABLE))


def numbers(log: Log) -> list[int]:
    return [run.record.run_number for run in log.runs]


def test_where_there_is_no_table_there_is_no_log(logs: Logs, lake: Settings) -> None:
    assert look(logs, lake) is None


def test_a_log_says_what_the_commits_say(logs: Logs, lake: Settings) -> None:
    for number in (1, 2):
        commit(lake, TABLE, record(number, accepted=number))
    log, path = read(logs, lake), lake.table_path(TABLE)
    assert log.now == commits.standing_now(lake, path)
    assert log.now.rows_count == 2 * ROWS_COUNT
    assert [(run.version, run.record) for run in log.runs] == list(commits.records(lake, path))


def test_a_table_without_a_run_has_a_log_without_one(logs: Logs, lake: Settings) -> None:
    commit(lake, TABLE, None)
    assert numbers(read(logs, lake)) == []


def test_what_did_not_change_is_not_opened_again(
    logs: Logs, lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(lake, TABLE, record(1))
    first = read(logs, lake)
    monkeypatch.delattr("jobs.logs.open_table")
    assert read(logs, lake) is first


def test_of_what_changed_the_new_commits_are_read(logs: Logs, lake: Settings) -> None:
    commit(lake, TABLE, record(1))
    [old] = read(logs, lake).runs
    commit(lake, TABLE, None)  # maintenance
    commit(lake, TABLE, record(2))
    log = read(logs, lake)
    assert (numbers(log), log.now.version) == ([2, 1], 2)
    assert log.runs[1] is old


def test_a_commit_that_is_read_before_it_is_listed_counts_once(logs: Logs, lake: Settings) -> None:
    commit(lake, TABLE, record(1))
    log = read(logs, lake)
    again = logs._log(lake.table_path(TABLE), log)
    assert again and numbers(again) == [1]


def test_a_table_made_anew_is_read_anew(logs: Logs, lake: Settings) -> None:
    for number in (1, 2):
        commit(lake, TABLE, record(number))
    assert numbers(read(logs, lake)) == [2, 1]
    delete_objects(lake, f"{lake.namespace}/")
    for number in (7, 8, 9):
        commit(lake, TABLE, record(number))
    assert numbers(read(logs, lake)) == [9, 8, 7]


def test_a_table_that_was_deleted_is_gone(logs: Logs, lake: Settings) -> None:
    commit(lake, TABLE, record(1))
    read(logs, lake)
    delete_objects(lake, f"{lake.namespace}/")
    assert look(logs, lake) is None


@pytest.mark.parametrize("said", ["by hand", '{"who": "me"}', "7"])
def test_a_commit_of_somebody_else_is_named(logs: Logs, lake: Settings, said: str) -> None:
    commit(lake, TABLE, record(1))
    commit(lake, TABLE, said)
    with pytest.raises(LakeproofError, match=r"Commit 1 of .*silver/orders holds no record"):
        look(logs, lake)
