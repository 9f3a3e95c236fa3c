"""Answers for what somebody types: every word must begin a word of the answer."""

import re
from collections.abc import Iterable

from answers.book import PLACEHOLDER, Answer

WORD = re.compile(r"[a-z0-9]+")
# Where a word is found says how much the answer is about it.
WEIGHTS = {"question": 8, "slug": 8, "claims": 3, "systems": 3, "text": 1}
WHOLE_WORD = 2


def search(answers: Iterable[Answer], typed: str) -> list[Answer]:
    """The answers that fit, best first; all in the book's order when nothing is typed."""
    words = WORD.findall(typed.lower())
    scored = [(_score(answer, words), answer) for answer in answers]
    fitting = [(score, answer) for score, answer in scored if score]
    return [answer for _, answer in sorted(fitting, key=lambda pair: -pair[0])]


def _score(answer: Answer, typed: list[str]) -> int:
    """0 if a word is nowhere."""
    places = {place: set(WORD.findall(text.lower())) for place, text in _places(answer).items()}
    total = 1
    for word in typed:
        best = max(_weight(found, word) * WEIGHTS[place] for place, found in places.items())
        if not best:
            return 0
        total += best
    return total


def _weight(found: set[str], word: str) -> int:
    if word in found:
        return WHOLE_WORD
    return int(any(each.startswith(word) for each in found))


def _places(answer: Answer) -> dict[str, str]:
    return {
        "question": answer.question,
        "slug": answer.slug,
        "claims": " ".join(answer.claims),
        "systems": " ".join(answer.systems),
        "text": PLACEHOLDER.sub(" ", " ".join(answer.sections.values())),
    }
