"""Any past day again, through Airflow's own backfill:

    make backfill FROM=2026-01-05 TO=2026-01-11

or the buttons **Backfill** and **Trigger** (with a `day`) on this page. Each run has one business
day, its **partition key**. **recompute** computes the day's groups of every table that is computed
by the day from silver as it is now, and lets the others follow; **serve** loads the marts that
changed. Other days are not touched, and a day whose inputs did not change comes out as it was, to
the checksum. The asset `mart.day` then says, under the same partition key, that the day is fresh.

By itself the DAG never runs: in a normal run every table follows its inputs, late ones included.
Days run one after another, because they share tables.
"""

from typing import Any

from airflow.sdk import Asset, Param, dag, get_current_context, task

from infra.airflow.callbacks import late_after
from infra.airflow.defaults import RETRIES, task_settings
from infra.airflow.on_request import DaysOnRequest, asked_day

DAY = "%Y-%m-%d"
PARAMS: dict[str, Param] = {
    "day": Param(
        None, type=["null", "string"], format="date", description="the day, where no partition is"
    ),
    "tables": Param(
        [], type="array", items={"type": "string"}, description="only these tables; empty: all"
    ),
    "namespace": Param("", type="string", description="a test's or proof's; empty: the platform's"),
}


def recompute_day() -> dict[str, int]:
    """Rows accepted by table."""
    from jobs.backfill import backfill

    context: Any = get_current_context()
    day = asked_day(context, DAY)
    accepted = {}
    with task_settings() as settings:
        for record in backfill(day, settings, context["params"]["tables"]):
            print(record.summary(), flush=True)
            accepted[record.table] = record.counts.get("accepted", 0)
    return accepted


def serve_marts() -> dict[str, int]:
    """The Delta version that each mart now holds."""
    from jobs.serve import serve
    from jobs.specs import load_specs

    context: Any = get_current_context()
    chosen = context["params"]["tables"] or load_specs()
    with task_settings() as settings:
        marts = [
            serve(name, settings)
            for name, spec in load_specs().items()
            if spec.serve and name in chosen
        ]
    for mart in marts:
        print(mart.summary())
    return {mart.mart: mart.version for mart in marts}


@dag(
    schedule=DaysOnRequest(key_format=DAY),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    deadline=late_after(minutes=30),
    params=PARAMS,
    tags=["operations", "lakehouse"],
    doc_md=__doc__,
)
def backfill() -> None:
    """The day's groups, then the marts."""
    recompute = task(task_id="recompute")(recompute_day)
    serve = task(task_id="serve", outlets=[Asset("mart.day")])(serve_marts)
    recompute() >> serve()


backfill()
