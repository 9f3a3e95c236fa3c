"""The Makefile is short and its help is complete."""

import re
import subprocess

import pytest

from jobs.settings import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
LINES_ALLOWED = 60


def targets() -> list[str]:
    return re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)


def make(*arguments: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_help_lists_every_target_with_a_sentence() -> None:
    listed = dict(re.findall(r"^make ([a-z-]+) +(\S.*)$", make("help"), re.MULTILINE))
    assert list(listed) == targets()


def test_bare_make_is_the_help() -> None:
    assert make() == make("help")


@pytest.mark.parametrize(("target", "passed_on"), [("up", "up"), ("demo", "demo"), ("lint", "")])
def test_only_what_starts_the_platform_begins_to_install_it(target: str, passed_on: str) -> None:
    (told,) = re.findall(r"bootstrap\.py *(.*)", make("-n", "-B", target))
    assert told == passed_on


def test_every_target_is_phony() -> None:
    phony = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert sorted(" ".join(phony).split()) == sorted(targets())


def test_makefile_stays_short() -> None:
    assert len(MAKEFILE.splitlines()) < LINES_ALLOWED
