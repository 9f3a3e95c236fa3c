"""Waiting for what others do: looked at again and again, until patience is at its end."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def await_true(
    look: Callable[[], Found | None],
    patience_seconds: float,
    failure: Callable[[Exception | None], Exception],
    poll_seconds: float = 0.2,
    not_yet: tuple[type[Exception], ...] = (),
) -> Found:
    """What `look` gives, as soon as that is true; it is called at least once.

    Raises: what `failure` makes of the last look's error (None if it had none) when patience is at
    its end. Errors of `look` that are not a `not_yet` go through at once.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        cause: Exception | None = None
        try:
            if found := look():
                return found
        except not_yet as error:
            cause = error
        if time.monotonic() >= deadline:
            raise failure(cause) from None
        time.sleep(poll_seconds)
