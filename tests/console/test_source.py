"""What a page shows of a service that answers, answers late, not at all, or wrongly."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import psycopg2
import pytest

from console import source
from console.render import troubles
from console.source import NOW, Seen, Source
from jobs.errors import ServiceDown

T = TypeVar("T")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes its time to answer."""
    monkeypatch.setattr(source, "PATIENCE_SECONDS", 60)


def looks(ask: Callable[[], T], times: int = 1) -> list[Seen[T]]:
    """What one look after the other sees."""
    found = Source("the price", "make logs S=shop", ask)

    async def one_by_one() -> list[Seen[T]]:
        return [await found.look() for _ in range(times)]

    return asyncio.run(one_by_one())


def answers(*said: int | Exception) -> Callable[[], int]:
    """Something that says one after the other."""
    left = iter(said)

    def ask() -> int:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_what_is_said_now_is_shown_without_a_word() -> None:
    first, second = looks(answers(1, 2), times=2)
    assert (first.value, second.value) == (1, 2)
    assert troubles(first, second) == []


def test_of_a_service_that_is_down_the_last_is_shown_with_its_age_and_why() -> None:
    _, seen = looks(answers(1, ServiceDown("shop", "127.0.0.1:1")), times=2)
    assert seen.value == 1
    [said] = troubles(seen)
    assert "shop at 127.0.0.1:1 does not answer" in said
    assert said.endswith("Shown is what was read 0 s ago.")


def test_what_was_never_read_has_no_age() -> None:
    [seen] = looks(answers(ServiceDown("shop", "127.0.0.1:1")))
    assert seen.value is None
    assert "ago" not in troubles(seen)[0]


def test_an_error_that_does_not_say_what_to_do_gets_the_command_that_shows_more() -> None:
    [seen] = looks(answers(psycopg2.OperationalError("the server closed the connection.")))
    assert seen.trouble == (
        "the price cannot be read: the server closed the connection. `make logs S=shop` shows more."
    )


def test_after_an_error_the_next_answer_takes_it_away() -> None:
    *_, seen = looks(answers(OSError("reset"), 3), times=2)
    assert (seen.value, seen.trouble) == (3, "")


def test_what_is_new_enough_is_not_asked_for_again_unless_it_failed() -> None:
    minute = timedelta(minutes=1)

    async def seen() -> list[int | None]:
        found = Source("the price", "make logs S=shop", answers(1, OSError("reset"), 2, 3))
        looks = [await found.look(each) for each in (minute, minute, NOW, minute, minute)]
        return [each.value for each in looks] + [(await found.look()).value]

    assert asyncio.run(seen()) == [1, 1, 1, 2, 2, 3]


def test_an_error_that_nobody_expects_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        looks(lambda: 1 // 0)


def test_who_does_not_answer_is_not_waited_for_and_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source, "PATIENCE_SECONDS", 0)
    may_answer, asked = threading.Event(), []

    def ask() -> int:
        asked.append(1)
        may_answer.wait()
        return 5

    async def of_two_pages() -> tuple[Seen[int], Seen[int]]:
        found = Source("the price", "make logs S=shop", ask)
        late = await asyncio.gather(found.look(), found.look())
        assert [each.is_late for each in late] == [True, True]
        may_answer.set()
        while (then := await found.look()).is_late:
            await asyncio.sleep(0)
        return late[0], then

    late, then = asyncio.run(of_two_pages())
    assert "no answer about the price yet" in late.trouble
    assert "make logs S=shop" in late.trouble
    assert (then.value, then.trouble, asked) == (5, "", [1])


def test_a_first_answer_is_awaited_and_a_later_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    may_answer, said = threading.Event(), answers(1, 2)

    def ask() -> int:
        may_answer.wait()
        return said()

    async def first_and_later() -> list[Seen[int]]:
        found = Source("the price", "make logs S=shop", ask)
        monkeypatch.setattr(source, "PATIENCE_SECONDS", 0)
        first = await found.look()
        may_answer.set()
        monkeypatch.setattr(source, "PATIENCE_SECONDS", 60)
        known = await found.look()
        may_answer.clear()
        monkeypatch.setattr(source, "PATIENCE_SECONDS", 0)
        later = await found.look()
        may_answer.set()
        return [first, known, later]

    seen = asyncio.run(first_and_later())
    assert [each.is_awaited for each in seen] == [True, False, False]
    assert [each.is_late for each in seen] == [True, False, True]
    assert troubles(seen[2])[0].endswith("Shown is what was read 0 s ago.")
