"""Does an alarm reach anyone? Each week one is raised on purpose, and the channel is asked for it.

The run is late on purpose: it must outlive its deadline of a few seconds, so Airflow's deadline
alert fires. Then a task fails on purpose, so its failure callback fires. Each is awaited in the
alert channel, where a person would see it. **The drill succeeds when both alarms arrived**; the
task in it that is red is the one that has to be. If the drill itself fails, nobody is told when
something breaks: see the logs of the triggerer and of the service `alerts`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import TriggerRule, dag, get_current_context, task

from infra.airflow.callbacks import late_after, tell_failure

ALLOWED_SECONDS = 2
PATIENCE = timedelta(minutes=3)


def await_alarm(title: str) -> str:
    """The title of the alarm about this run, once the channel has it.

    Raises: LakeproofError when it is not there in time.
    """
    from jobs.alert import await_alert
    from jobs.settings import load_settings

    run_id = f"run: {get_current_context()['run_id']}"
    return await_alert(load_settings(), (title, run_id), PATIENCE.total_seconds())


@dag(
    schedule="@weekly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    deadline=late_after(seconds=ALLOWED_SECONDS),
    tags=["operations"],
    doc_md=__doc__,
)
def alarm_drill() -> None:
    """Be late and be told of it; then fail and be told of it."""

    @task
    def be_late() -> str:
        return await_alarm("alarm_drill is late")

    @task(on_failure_callback=tell_failure)
    def fail_on_purpose() -> None:
        raise RuntimeError("this task of the drill fails on purpose")

    @task(trigger_rule=TriggerRule.ALL_FAILED)
    def failure_was_told() -> str:
        return await_alarm("alarm_drill.fail_on_purpose failed")

    be_late() >> fail_on_purpose() >> failure_was_told()


alarm_drill()
