"""People are told of rows that come into a table which its spec says they wait for."""

from collections.abc import Iterator
from dataclasses import replace

from pyspark.sql import DataFrame

from jobs.alert import Alert, tell
from jobs.commits import RunRecord
from jobs.settings import Settings
from jobs.spec import Spec

SHOWN_ROWS = 5


def told(
    settings: Settings, record: RunRecord, spec: Spec, accepted: DataFrame, target: DataFrame | None
) -> RunRecord:
    """The record with a warning if there are such rows, of which people were told: once a run.

    `target` is the table now. A row of a key it has already is not new; nor is any row of the first
    run, whose `target` is None: a table that is rebuilt brings no news. It is told before the
    commit, so that a run that is killed tells it again rather than not at all.
    """
    return replace(
        record, warnings=[*record.warnings, *tell(settings, _news(spec, accepted, target))]
    )


def _news(spec: Spec, accepted: DataFrame, target: DataFrame | None) -> Iterator[Alert]:
    if spec.tell is None or target is None:
        return
    known = target.where(spec.tell.when).select(*spec.keys)
    rows = accepted.where(spec.tell.when).select(*spec.columns)
    rows = rows.join(known, on=[*spec.keys], how="left_anti")
    if count := rows.count():
        shown = [str(row.asDict()) for row in rows.orderBy(*spec.keys).limit(SHOWN_ROWS).collect()]
        title = f"{spec.name}: {count:,} new: {spec.tell.title}"
        yield Alert(title, spec.tell.severity, spec.name, "\n".join(shown))
