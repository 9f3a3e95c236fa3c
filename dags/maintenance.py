"""Tables kept fast and small, each night.

**stop_stream** stops the stream if it runs; **start_stream** starts it again, whatever happened.
**tables** lists what is in the lake, quarantines included; **maintain** is mapped over the list:
it compacts small files into large ones (OPTIMIZE), clusters the rows where the table's spec says
`cluster_by`, and looks for data files that no version within the retention needs (VACUUM).
**report** prints one table of all of it.

**Deleting is a dry run** unless the parameter `confirm` is set: what would be deleted is counted,
and nothing is. Deleted files are gone from time travel and `python -m jobs.restore`, so the
retention is at least a week. None of it changes a row: readers see the same table at all times, and
the next runs pass over these commits.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from infra.airflow.callbacks import late_after
from infra.airflow.defaults import RETRIES, nightly, task_settings

PARAMS: dict[str, Param] = {
    "confirm": Param(False, type="boolean", description="delete old files, not only count them"),
    "retention_days": Param(7, type="integer", minimum=7, description="files younger stay"),
    "tables": Param(
        [], type="array", items={"type": "string"}, description="only these tables; empty: all"
    ),
    "namespace": Param("", type="string", description="a test's or proof's; empty: the platform's"),
}
DAY_HOURS = 24


def stop_stream() -> bool:
    """Whether the stream ran; it does not now."""
    from jobs.stream.control import pause

    with task_settings() as settings:
        return pause(settings)


def start_stream(was_running: bool) -> None:
    """The stream as it was before."""
    from jobs.stream.control import want

    if was_running:
        with task_settings() as settings:
            want(settings, "running")


def list_tables() -> list[str]:
    """The names of what there is to maintain."""
    from jobs.maintain import existing

    context: Any = get_current_context()
    with task_settings() as settings:
        return existing(settings, context["params"]["tables"])


def maintain_table(table: str) -> str:
    """What was found and done, as a line of the report."""
    from jobs.maintain import HEADER, maintain

    context: Any = get_current_context()
    params = context["params"]
    with task_settings() as settings:
        done = maintain(table, settings, params["confirm"], params["retention_days"] * DAY_HOURS)
    print(HEADER, done.line(), sep="\n")
    return done.line()


def print_report(lines: list[str]) -> None:
    """All tables under each other."""
    from jobs.maintain import HEADER

    context: Any = get_current_context()
    print("old files were deleted" if context["params"]["confirm"] else "dry run: nothing deleted")
    print(HEADER, *lines, sep="\n")


@dag(
    schedule=nightly(hour=3),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=2,
    default_args={**RETRIES, "execution_timeout": timedelta(hours=1)},
    deadline=late_after(hours=2),
    params=PARAMS,
    tags=["operations"],
    doc_md=__doc__,
)
def maintenance() -> None:
    """One task for each table there is when it runs."""
    was_running = task(task_id="stop_stream")(stop_stream)().as_setup()
    tables = task(task_id="tables")(list_tables)()
    lines = task(task_id="maintain")(maintain_table).expand(table=tables)
    report = task(task_id="report")(print_report)(lines)
    started = task(task_id="start_stream")(start_stream)(was_running)
    was_running >> tables
    report >> started.as_teardown(setups=was_running)


maintenance()
