"""Questions drawn for practice: those not seen yet come first."""

from collections.abc import Collection, Iterable
from hashlib import blake2s
from random import Random

from answers.book import Answer

MARK_BYTES = 2


def mark(slug: str) -> str:
    """A few letters that stand for an answer: what was seen is kept in a cookie."""
    return blake2s(slug.encode(), digest_size=MARK_BYTES).hexdigest()


def draw(answers: Iterable[Answer], seen: Collection[str], random: Random) -> Answer | None:
    """One of the answers, at random among the unseen ones; among all when all were seen."""
    chosen = list(answers)
    unseen = [answer for answer in chosen if mark(answer.slug) not in seen]
    return random.choice(unseen or chosen) if chosen else None
