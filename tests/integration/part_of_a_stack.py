"""An instance of which only some services run, beside the stack's own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from answers.labs.java import SHORT_LIVED
from infra.native import processes, supervise
from infra.native.down import reset
from infra.native.instance import Instance, lock
from jobs.settings import state_dir


@contextmanager
def part_of_a_stack(name: str, make: Callable[[], Instance], part: str) -> Iterator[Instance]:
    """The services whose names begin with `part`, started, of what `make` makes; then all is gone.

    Nothing of theirs is worth a clean end.
    """
    reset(name)
    try:
        with lock():
            whole = make()
            services = tuple(each for each in whole.services if each.name.startswith(part))
            values = {**whole.values, **SHORT_LIVED}
            found = replace(whole, services=services, values=values)
            supervise.start(found)
        yield found
    finally:
        processes.end(processes.of(state_dir(name)), patience_seconds=0)
        reset(name)
