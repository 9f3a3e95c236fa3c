"""A schedule of days of which each runs only when somebody asks for it."""

from datetime import date, datetime
from typing import Any

from airflow.exceptions import AirflowFailException
from airflow.timetables.base import DagRunInfo
from airflow.timetables.trigger import CronPartitionTimetable


class DaysOnRequest(CronPartitionTimetable):
    """One partition a day for backfills to name; by itself nothing runs.

    With Airflow's own, a backfill would be followed, as soon as the DAG file is read again, by a
    run for last night in the platform's own namespace, whatever the backfill was asked to do.
    """

    def __init__(self, key_format: str) -> None:
        super().__init__("0 0 * * *", timezone="UTC", key_format=key_format)

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "DaysOnRequest":
        """The schedule as the scheduler reads it from the database."""
        return cls(data["key_format"])

    def next_dagrun_info_v2(self, **_: Any) -> DagRunInfo | None:
        """Never a next run."""
        return None


def asked_day(context: Any, day_format: str) -> date:
    """The day a run is asked for: that of its partition, or of its parameter `day`.

    Raises: AirflowFailException, after which nothing is tried again, if it names none.
    """
    told = context["dag_run"].partition_key or context["params"]["day"]
    try:
        return datetime.strptime(told or "", day_format).date()
    except ValueError:
        raise AirflowFailException(
            f"This run names no day, but {told!r}. Trigger it with the parameter `day`, such as "
            "2026-01-05, or ask for days with `make backfill FROM=2026-01-05 TO=2026-01-11`. "
            "Nothing was computed."
        ) from None
