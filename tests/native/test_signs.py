"""What is seen of a process: the work of all its descendants, and the end of what it said."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.native.instance import Instance
from infra.native.logs import TAIL_BYTES, last_lines
from infra.native.signs import Signs, Work, processor_seconds

WORK = "import sys, time\nwhile time.process_time() < 0.4: pass\n"
# One child has ended, one is at work or has just been, and both say no word.
WORK_AND_WAIT = WORK + "print(flush=True); sys.stdin.read()"
FAMILY = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {WORK!r}])
child = subprocess.Popen([sys.executable, "-c", {WORK_AND_WAIT!r}],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(flush=True)
sys.stdin.read()
child.communicate()
"""


def test_the_work_of_a_process_is_that_of_its_children_too_also_of_those_that_ended() -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", FAMILY], **pipes) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        assert processor_seconds(parent.pid) > 0.6  # in whole hundredths, each rounded down
        parent.communicate()
    assert processor_seconds(parent.pid) == 0


def test_of_services_that_are_no_processes_of_ours_nothing_is_seen(instance: Instance) -> None:
    signs = Signs(instance, "spark")
    assert list(signs()) == []
    assert not signs.is_kept("spark")
    assert signs.last_words() == ""


def test_the_end_of_a_long_log_is_read_and_not_all_of_it(tmp_path: Path) -> None:
    log = tmp_path / "spark.log"
    log.write_text("".join(f"line {number}\n" for number in range(TAIL_BYTES)))
    assert last_lines(log, 2) == [f"line {TAIL_BYTES - 2}", f"line {TAIL_BYTES - 1}"]
    assert len(last_lines(log, TAIL_BYTES)) < TAIL_BYTES / 5


def test_a_log_that_repeats_itself_with_other_numbers_says_the_same(instance: Instance) -> None:
    log = instance.folder("logs") / "spark.log"
    signs = Signs(instance, "spark")
    said = []
    for line in ("12:01:07 try 3 of 5 failed", "12:09:44 try 4 of 5 failed", "12:09:45 started"):
        log.write_text(f"{line}\n")
        said.append(signs._said("spark"))
    assert said[0] == said[1] != said[2]


@pytest.mark.parametrize(("seconds", "is_seen"), [(2.0, False), (3.0, True)])
def test_only_who_takes_more_than_any_takes_at_rest_is_seen_to_work(
    monkeypatch: pytest.MonkeyPatch, seconds: float, is_seen: bool
) -> None:
    work, found = Work("spark", 1), []
    for now, taken in ((100.0, 50.0), (105.0, 58.0), (110.0, 50.0 + seconds)):
        monkeypatch.setattr("infra.native.signs.time.monotonic", lambda now=now: now)
        monkeypatch.setattr("infra.native.signs.processor_seconds", lambda _, taken=taken: taken)
        found.append(list(work()))
    assert found[:2] == [[], []]
    assert bool(found[2]) == is_seen
