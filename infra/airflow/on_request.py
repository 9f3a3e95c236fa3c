"""A schedule of days of which each runs only when somebody asks for it."""

from typing import Any

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
