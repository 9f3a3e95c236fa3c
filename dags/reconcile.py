"""Do the two ways from the shop's database to silver agree? Compared once a night.

Customers, products and stock are pulled, and captured from the database's log as well. A pull
misses what the copy beside the table missed, a capture what the log lost with its slot, and neither
can see that by itself. **compare** brings both up to date, compares them row by row, and tells the
alert channel the keys that differ. By hand: `python -m jobs.reconcile`.
"""

from airflow.sdk import dag, task

from infra.airflow.callbacks import late_after
from infra.airflow.defaults import RETRIES, nightly


@dag(
    schedule=nightly(hour=5),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    deadline=late_after(hours=1),
    tags=["operations", "quality"],
    doc_md=__doc__,
)
def reconcile() -> None:
    """Compare; what differs is told with its keys."""

    @task
    def compare() -> list[str]:
        from jobs.alert import Alert, alert
        from jobs.reconcile import verdicts
        from jobs.settings import load_settings

        settings, lines = load_settings(), []
        for verdict in verdicts(settings):
            print(verdict.line(), flush=True)
            if verdict.keys:
                title = f"pull and capture of {verdict.pair.shop_table} differ"
                alert(settings, Alert(title, "critical", "airflow reconcile", verdict.line()))
            lines.append(verdict.line())
        return lines

    compare()


reconcile()
