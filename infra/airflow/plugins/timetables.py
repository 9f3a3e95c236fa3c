"""Tells Airflow of the schedules of our own, which it stores by their names."""

from airflow.plugins_manager import AirflowPlugin

from infra.airflow.on_request import DaysOnRequest


class Timetables(AirflowPlugin):
    """Found by each Airflow process in the folder of plugins."""

    name = "timetables"
    timetables = [DaysOnRequest]
