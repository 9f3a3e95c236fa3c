"""One business day of everything that is computed by the day, computed again.

What the day's rows say is taken from silver as it is now, so a late correction or a mended
transform reaches exactly its own day. The same inputs give the same rows: a repeated day is a no-op
to its readers.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from jobs import commits
from jobs.commits import RunRecord
from jobs.run import run
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec, load_specs


def is_by_day(spec: Spec) -> bool:
    """Whether the table is recomputed in groups that are days."""
    return spec.load == "recompute" and bool(spec.group) and spec.types[spec.group] == "date"


def backfill(day: date, settings: Settings, tables: Iterable[str] = ()) -> Iterator[RunRecord]:
    """The record of each table's run, inputs first: all of gold, and what silver computes by day.

    Tables that are not computed by the day follow their inputs as in any run, and one that was
    never computed is none to compute again. `tables` chooses some of them.
    Raises: what `jobs.run.run` raises.
    """
    chosen = {find_spec(table).name for table in tables} or set(load_specs())
    for spec in load_specs().values():
        is_meant = spec.name in chosen and (is_by_day(spec) or spec.layer == "gold")
        if is_meant and commits.exists(settings, settings.table_path(spec.name)):
            yield run(spec.name, settings, [day] if is_by_day(spec) else ())
