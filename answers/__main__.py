"""`make prove A=<slug>` or `T=<topic>` runs proofs; without either it lists all answers.

T=all takes every topic. RECORD=1 keeps the run beside the answer, for its text to quote.
"""

import os
import sys

import pytest

from answers.book import TOPICS, Answer, AnswerError, find, load_answers
from answers.keeper import Keeper
from answers.live import Live, summary
from answers.runs import Run, newest, record
from jobs.errors import LakeproofError
from jobs.settings import ROOT, load_settings


def main() -> int:
    """0 if every proof that was asked for held.

    Raises: LakeproofError naming what was asked for and is not there.
    """
    slug, topic = os.environ.get("A", ""), os.environ.get("T", "")
    if not (slug or topic):
        _list(list(load_answers().values()))
        return 0
    return prove(_chosen(slug, topic), bool(os.environ.get("RECORD")))


def prove(answers: list[Answer], is_recorded: bool = False) -> int:
    """0 if every one of the proofs held; each is told as it runs and kept in the database."""
    broken: list[str] = []
    seconds: list[float] = []

    def ended(run: Run) -> None:
        summary(run)
        seconds.append(run.seconds)
        if not run.is_proven:
            broken.append(run.slug)
        elif is_recorded:
            record(find(run.slug), run)

    os.environ.pop("PYTEST_ADDOPTS", None)  # meant for the tests that may have started us
    paths = [str(answer.proof) for answer in answers]
    quiet = ["-s", "-p", "no:terminal", "-p", "no:cacheprovider", "-W", "ignore"]
    code = pytest.main(
        [*paths, *quiet, f"--rootdir={ROOT}", "-o", "addopts=--import-mode=importlib"],
        plugins=[Keeper(ended), Live()],
    )
    if len(answers) > 1:
        print(f"\n{len(seconds)} of {len(answers)} proofs ran, {sum(seconds):.0f} s", flush=True)
    for name in broken:
        print(f"BROKEN   {name}   again: make prove A={name}", flush=True)
    return 1 if broken else int(code)


def _chosen(slug: str, topic: str) -> list[Answer]:
    if slug:
        return [find(slug)]
    chosen = [each for each in load_answers().values() if topic in ("all", each.topic)]
    if not chosen:
        raise AnswerError(f"no topic {topic!r} with answers; there are {', '.join(TOPICS)}, all.")
    return chosen


def _list(answers: list[Answer]) -> None:
    runs = newest(load_settings())
    for topic, title in TOPICS.items():
        print(f"\n{title}   T={topic}")
        for answer in (each for each in answers if each.topic == topic):
            run = runs.get(answer.slug)
            verdict = "never ran" if run is None else "proven" if run.is_proven else "BROKEN"
            print(f"  {verdict:<10} {answer.slug:<36} {answer.question}")
    print("\nmake prove A=<name> runs one of them, make prove T=all every one.")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LakeproofError as error:
        sys.exit(f"error: {error}")
