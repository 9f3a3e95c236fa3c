"""One quality pass: the tables measured, what they measured stored, their scores renewed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession

from jobs.session import spark
from jobs.settings import Settings
from quality import results
from quality.measure import measure
from quality.reach import Reach
from quality.results import DAY_ROWS, Judged, Result
from quality.scores import Score, scores, write_scores

CRITICAL = "critical"


@dataclass(frozen=True)
class Pass:
    """What a pass found at a moment: the tables looked at, and every rule that failed."""

    at: datetime
    tables: list[str]
    never_run: list[str]
    failures: list[Result]


def judge_tables(settings: Settings, tables: Iterable[str], at: datetime | None = None) -> Pass:
    """What the rules of the tables say of them, stored by table and day.

    `at` is the moment freshness is measured at; without it, when the lake's newest record came.
    Raises: ServiceDown, SpecError.
    """
    session = spark(settings)
    reach = Reach(session, settings)
    moment = at or reach.now()
    judged = {table: measure(reach, table, moment) for table in tables}
    looks = [look for look in judged.values() if look]
    if looks:
        results.write(session, settings, looks)
    return Pass(
        moment,
        [look.table_name for look in looks],
        [table for table, look in judged.items() if look is None],
        [failure for look in looks for failure in failures(look)],
    )


def failures(look: Judged) -> list[Result]:
    """The rules that failed, those of the records by themselves and not once more by dimension."""
    return [one for one in look.results if not one.passed and one.kind != DAY_ROWS]


def store_scores(session: SparkSession, settings: Settings, tables: Iterable[str]) -> list[Score]:
    """The scores of the tables on every day known, stored in place of older ones."""
    found = list(scores(results.read(session, settings, tables)))
    if found:
        write_scores(session, settings, found)
    return found
