"""A proof waits as long as something moves, and not for what is dead."""

from functools import partial
from pathlib import Path

import pytest

from answers.labs import classic, waiting
from jobs.errors import LakeproofError, StandsStill
from jobs.patience import Awaited

SOON = partial(Awaited, still_seconds=0.0)


def test_a_script_that_does_nothing_is_ended_and_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classic, "Awaited", SOON)
    monkeypatch.setattr(classic, "LOOK_SECONDS", 0.1)
    script = tmp_path / "sleeper.py"
    script.write_text("import time; print('begun', flush=True); time.sleep(3_600)")
    with pytest.raises(LakeproofError, match="sleeper.py ended with -9"):
        classic.run_script(script)


def test_what_does_not_come_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "Awaited", SOON)
    with pytest.raises(StandsStill, match="nothing has moved for 0 s: a dead broker"):
        waiting.wait_until(lambda: False, "a dead broker")


def test_what_is_counted_on_the_way_shows_that_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.patience.SIGNS_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "Awaited", partial(Awaited, still_seconds=0.25))
    seen: list[int] = []

    def reached() -> bool:
        seen.append(len(seen))
        return len(seen) > 40  # some forty looks of at least a hundredth of a second

    waiting.wait_until(reached, "a slow one", lambda: [len(seen)])
    with pytest.raises(StandsStill):
        waiting.wait_until(lambda: False, "a dead one", lambda: [len(seen)])
