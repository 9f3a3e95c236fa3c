"""Tables brought up to date side by side, each as soon as those it reads are."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter

from jobs.commits import RunRecord
from jobs.run import run
from jobs.serve import Served, serve
from jobs.session import release
from jobs.settings import Settings
from jobs.specs import find_spec

# A run of small tables is the work of one processor: two at once keep two busy.
AT_ONCE = 2


@dataclass(frozen=True)
class UpToDate:
    """What was done for a table: its run, its mart if it is served, and how long both took."""

    record: RunRecord
    served: Served | None
    seconds: float


def bring_up_to_date(tables: Iterable[str], settings: Settings) -> Iterator[UpToDate]:
    """Each table when it is done: up to date with its inputs, and served if it is a mart.

    Raises: what `run` and `serve` raise, after what was under way has ended.
    """
    names = [find_spec(table).name for table in tables]
    order = TopologicalSorter(
        {name: set(find_spec(name).inputs).intersection(names) for name in names}
    )
    order.prepare()
    under_way: dict[Future[UpToDate], str] = {}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            while order.is_active():
                ready = order.get_ready()
                under_way |= {threads.submit(_one, name, settings): name for name in ready}
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    order.done(under_way.pop(future))
                    yield future.result()
        finally:
            threads.shutdown(cancel_futures=True)


def bring_one_up_to_date(table: str, settings: Settings) -> UpToDate:
    """What was done for the table, in the session of this thread.

    Raises: what `run` and `serve` raise.
    """
    started = time.monotonic()
    record = run(table, settings)
    served = serve(table, settings) if find_spec(table).serve else None
    return UpToDate(record, served, time.monotonic() - started)


def _one(table: str, settings: Settings) -> UpToDate:
    try:
        return bring_one_up_to_date(table, settings)
    finally:
        release(settings)
