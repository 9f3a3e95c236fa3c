"""The stream: Kafka into bronze without end, and the near-real-time marts behind it.

It is a process of its own, which Airflow starts, watches and restarts; no task hosts it. Trigger
this DAG with the parameter `action`: **start** and **stop** return when it is so. A stop is clean,
and so is a kill: what the stream has read stands in the commits it made.

Each minute it **watches**: is the process heard of, does a batch hang, has it failed? What is wrong
is told to the alert channel, and the process restarted. A stopped stream is left alone.
"""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from infra.airflow.callbacks import late_after
from infra.airflow.defaults import RETRIES, task_settings

ALLOWED_MINUTES = 5
ACTIONS = ["watch", "start", "stop", "restart"]
PARAMS: dict[str, Param] = {
    "action": Param("watch", type="string", enum=ACTIONS, description="what to do, once"),
    "namespace": Param("", type="string", description="a test's or proof's; empty: the platform's"),
}


def act() -> dict[str, Any]:
    """What was found of the stream, or what it does after what was wanted."""
    from dataclasses import asdict

    from jobs.stream import control

    context: Any = get_current_context()
    actions = {"watch": control.watch_over, **control.ACTIONS}
    with task_settings() as settings:
        found = actions[context["params"]["action"]](settings)
    print(found)
    return asdict(found)


@dag(
    schedule="* * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    deadline=late_after(minutes=ALLOWED_MINUTES),
    params=PARAMS,
    tags=["streams"],
    doc_md=__doc__,
)
def streams() -> None:
    """One look or one action."""
    task(task_id="stream")(act)()


streams()
