"""The stream at work for as long as a demo sends to it, and no longer, however the demo ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.native.instance import load
from infra.native.signs import STREAMING, Signs
from jobs.settings import Settings, state_dir
from jobs.stream import control

# There while a demo has the stream at work: who finds it knows that the demo was killed.
BEGUN = "demo-streams"


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """While the block runs, the stream does; it rests after it.

    Raises: ServiceDown, StandsStill.
    """
    _mark(settings).touch()
    try:
        control.want(settings, "running", work=signs(settings))
        yield
    finally:
        end_left(settings)


def end_left(settings: Settings) -> None:
    """Nothing; the stream that a demo began and did not end rests.

    Raises: ServiceDown, StandsStill.
    """
    if _mark(settings).exists():
        control.want(settings, "stopped", work=signs(settings))
        _mark(settings).unlink()


def signs(settings: Settings) -> Signs:
    """That those who have a part in the stream are at work."""
    return Signs(load(settings.instance), *STREAMING)


def _mark(settings: Settings) -> Path:
    return state_dir(settings.instance) / f"{BEGUN}-{settings.namespace or 'default'}"
