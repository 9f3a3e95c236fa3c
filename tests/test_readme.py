"""What README names is there."""

import re

from jobs.settings import ROOT

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_every_command_is_a_make_target() -> None:
    named = set(re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", README, flags=re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
    assert {one or other for one, other in named} - targets == set()


def test_every_path_is_there() -> None:
    paths = re.findall(r"`((?:jobs|tests|docs|infra|dags|quality|generators)/[^` ]*)`", README)
    assert paths
    assert [path for path in paths if not list(ROOT.glob(path.rstrip("/")))] == []


def test_the_first_screen_holds_the_two_commands_and_their_output() -> None:
    screen = README.splitlines()[:90]
    for told in ("make demo", "make test", "difference 0 cents"):
        assert any(told in line for line in screen), told
