"""From one page to the next: each style in which platforms cut an answer is a function."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin

from jobs.errors import SpecError
from jobs.pull.api_spec import at


@dataclass(frozen=True)
class Question:
    """One request, without its headers."""

    method: str
    url: str
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)

    def with_value(self, name: str, value: Any) -> "Question":
        """The same with one more value, where this method carries values."""
        if self.method == "POST":
            return replace(self, body={**self.body, name: value})
        return replace(self, query={**self.query, name: value})


# The question and answer of a page, and how its platform pages -> the next question, if any.
Next = Callable[[Question, dict[str, Any], dict[str, str]], Question | None]


def by_token(asked: Question, answer: dict[str, Any], told: dict[str, str]) -> Question | None:
    """The answer holds a token that asks for the next page; the last one holds none."""
    token = _optional(answer, told["next"])
    return asked.with_value(told["send"], token) if token else None


def by_url(asked: Question, answer: dict[str, Any], told: dict[str, str]) -> Question | None:
    """The answer holds the address of the next page, whole or relative; the last one none."""
    url = _optional(answer, told["next"])
    return Question("GET", urljoin(asked.url, url)) if url else None


def by_page(asked: Question, answer: dict[str, Any], told: dict[str, str]) -> Question | None:
    """Pages are numbered, and each answer says how many there are."""
    page = int(asked.query[told["send"]])
    return (
        asked.with_value(told["send"], page + 1) if page < int(at(answer, told["pages"])) else None
    )


def by_offset(asked: Question, answer: dict[str, Any], told: dict[str, str]) -> Question | None:
    """Records are numbered, and each answer says how many there are."""
    start = int(asked.query[told["send"]]) + int(asked.query[told["size"]])
    return asked.with_value(told["send"], start) if start < int(at(answer, told["total"])) else None


STYLES: dict[str, Next] = {"token": by_token, "url": by_url, "page": by_page, "offset": by_offset}


def next_question(
    asked: Question, answer: dict[str, Any], paging: dict[str, str]
) -> Question | None:
    """What to ask after this page, None after the last.

    Raises: SpecError if the style is unknown; LookupError, TypeError or ValueError if the answer
    does not say what its style needs.
    """
    if paging.get("style") not in STYLES:
        raise SpecError(f"source.pull: paging.style is one of {', '.join(STYLES)}, not {paging}")
    return STYLES[paging["style"]](asked, answer, paging)


def _optional(answer: dict[str, Any], place: str) -> Any:
    try:
        return at(answer, place)
    except LookupError:
        return None
