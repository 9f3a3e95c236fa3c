"""Is every change of the shop's database on its way to Kafka? Looked at each five minutes.

**watch** asks Kafka Connect for the state of the connector and Postgres for its replication slot.
What has failed is started again and told to the alert channel. So is a slot that holds back more of
the log than it may: Postgres keeps what the connector has not read, on the disk that the shop needs
too. A connector that is down loses nothing; it goes on where it was when it comes back.
"""

from datetime import UTC, datetime

from airflow.sdk import dag, task

from infra.airflow.callbacks import late_after
from infra.airflow.defaults import RETRIES

ALLOWED_MINUTES = 5


@dag(
    schedule="*/5 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    deadline=late_after(minutes=ALLOWED_MINUTES),
    tags=["streams"],
    doc_md=__doc__,
)
def capture() -> None:
    """Look once; a capture that has failed is started again and told of."""

    @task
    def watch() -> dict[str, object]:
        from dataclasses import asdict

        from jobs.capture import watch_over
        from jobs.settings import load_settings

        return asdict(watch_over(load_settings()))

    watch()


capture()
