"""The answers as they stand in `answers/<topic>/<slug>/README.md`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import yaml

from jobs.errors import LakeproofError
from jobs.settings import ROOT

HOME = ROOT / "answers"
TOPICS = {
    "foundations": "Foundations: Python and SQL",
    "spark-lakehouse": "Spark and the lakehouse layers",
    "streaming-cdc": "Kafka, streaming and CDC",
}
SECTIONS = ("Answer", "Trade-offs", "When it is wrong", "Follow-ups", "Show it")
PLACEHOLDER = re.compile(r"{{\s*(.+?)\s*}}")
FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
NOT_MEASURED = "(not measured yet)"


class AnswerError(LakeproofError):
    """An answer's page cannot be read."""


@dataclass(frozen=True)
class Answer:
    """One question. `claims` are sentences; each is the name of a test in the proof."""

    slug: str
    topic: str
    question: str
    kind: str
    difficulty: str
    claims: tuple[str, ...]
    systems: tuple[str, ...]
    related: tuple[str, ...]
    sections: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Where page, proof and recorded evidence are."""
        return HOME / self.topic / self.slug

    @property
    def proof(self) -> Path:
        """The pytest module whose tests are the claims."""
        return self.folder / "proof.py"

    def placeholders(self) -> set[str]:
        """The labels of the evidence that the text quotes."""
        return {label for text in self.sections.values() for label in PLACEHOLDER.findall(text)}


FRONT_KEYS = {field.name for field in fields(Answer)} - {"slug", "sections"}


def test_name(claim: str) -> str:
    """The test that proves a claim: its sentence in small letters, words joined by underscores."""
    return "test_" + re.sub(r"[^a-z0-9]+", "_", claim.lower()).strip("_")


@cache
def load_answers() -> dict[str, Answer]:
    """Every answer by its slug, in the order of topics and then of slugs.

    Raises: AnswerError naming the page and what to mend.
    """
    order = list(TOPICS)
    pages = sorted(HOME.glob("*/*/README.md"), key=lambda page: page.parent.name)
    for page in pages:
        if page.parent.parent.name not in TOPICS:
            raise AnswerError(f"{page}: no topic of that name; there are {', '.join(TOPICS)}.")
    pages.sort(key=lambda page: order.index(page.parent.parent.name))
    return {page.parent.name: read(page) for page in pages}


def find(slug: str) -> Answer:
    """The answer of that slug.

    Raises: AnswerError if there is none.
    """
    try:
        return load_answers()[slug]
    except KeyError:
        raise AnswerError(f"no answer {slug!r}; `make prove` lists all.") from None


def read(page: Path) -> Answer:
    """The answer of a page.

    Raises: AnswerError naming the page and what to mend.
    """
    found = FRONT.match(page.read_text())
    if not found:
        raise AnswerError(f"{page} does not begin with front matter between two lines of ---.")
    front = yaml.safe_load(found[1])
    if not isinstance(front, dict) or set(front) != FRONT_KEYS:
        raise AnswerError(f"{page}: its front matter has not just {', '.join(sorted(FRONT_KEYS))}.")
    lists = {key: tuple(front[key] or ()) for key in ("claims", "systems", "related")}
    parts = HEADING.split(found[2])
    sections = dict(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))
    return Answer(slug=page.parent.name, sections=sections, **{**front, **lists})
