"""A day whose publishing was broken off is sent to its end by the next one, and counted apart."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from generators.history import begin, begun, next_day, remember, runs
from generators.ledger import Ledger
from generators.publish import Published
from generators.run import Run
from generators.truth import Truth
from infra.native.keys import new_values
from jobs.settings import Settings, settings_from

RUN = Run(date(2026, 1, 5), 300, 7)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("jobs.settings.ROOT", tmp_path)
    return settings_from(new_values(0))


def publish(run: Run, settings: Settings) -> None:
    remember(Published(Truth.of(run), Ledger(), begin(run, settings)), settings)


def test_a_run_is_sent_as_itself_and_then_nothing_is_left_to_do(settings: Settings) -> None:
    assert begun(settings) is None
    publish(RUN, settings)
    assert begun(settings) is None
    assert [run.sent_as for run in runs(settings)] == [RUN.run_id]


def test_one_that_was_broken_off_is_told_and_its_messages_go_by_another_name(
    settings: Settings,
) -> None:
    names = [begin(RUN, settings), begin(RUN, settings)]
    assert begun(settings) == RUN
    assert not runs(settings)
    publish(RUN, settings)
    assert len({*names, runs(settings)[0].sent_as}) == 3
    assert begun(settings) is None


def test_the_next_day_and_another_run_of_the_day_are_sent_as_themselves(
    settings: Settings,
) -> None:
    begin(RUN, settings)
    publish(RUN, settings)
    tomorrow = replace(RUN, day=next_day(runs(settings)))
    assert tomorrow.day == RUN.day + timedelta(days=1)
    begin(RUN, settings)
    assert begin(tomorrow, settings) == tomorrow.run_id
    assert begun(settings) == tomorrow
