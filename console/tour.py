"""The guided tour: the stops of docs/walkthrough.md."""

import re
from dataclasses import dataclass

from jobs.settings import ROOT

PAGE = ROOT / "docs" / "walkthrough.md"
STOP = re.compile(r"^## (\d+) min · (.+)$", re.MULTILINE)
PART = re.compile(r"^\*\*(Say|Click|Appears)\*\* ", re.MULTILINE)


@dataclass(frozen=True)
class Stop:
    """A stop: when it begins, what to say, what to click, what appears; all in markdown."""

    minute: int
    title: str
    say: str
    click: str
    appears: str


def stops() -> list[Stop]:
    """All stops in their order."""
    _, *parts = STOP.split(PAGE.read_text())
    return [
        Stop(int(minute), title, **_parts(text))
        for minute, title, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def _parts(text: str) -> dict[str, str]:
    _, *found = PART.split(text)
    return {
        name.lower(): words.strip() for name, words in zip(found[::2], found[1::2], strict=True)
    }
