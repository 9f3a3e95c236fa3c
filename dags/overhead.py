"""What a Spark task costs in Airflow: ten tasks in a row that each ask the Spark server for 1.

`make bench` triggers it and reports the seconds from one task's start to the next one's start.
"""

from datetime import UTC, datetime

from airflow.sdk import chain, dag, task

TASKS = 10


@task
def select_one() -> int:
    """Open a session on the Spark Connect server and run the smallest query there is."""
    from jobs.session import spark
    from jobs.settings import load_settings

    return int(spark(load_settings()).sql("SELECT 1 AS one").collect()[0]["one"])


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["bench"],
    doc_md=__doc__,
)
def overhead() -> None:
    """A chain of trivial tasks."""
    chain(*[select_one.override(task_id=f"select_one_{number}")() for number in range(TASKS)])


overhead()
