"""Data quality once a day, beside the runs and never in their way.

What a single batch can show was judged before it was published: rows that break a rule went to
quarantine, a critical rule over the batch stopped the run. This DAG judges the tables as they
stand, with what one batch cannot show: references into other tables, sums that must agree across
tables, freshness, the size of a run against the runs before it, the mix of a day against the days
before it.

- **moment** finds when the newest record of the lake was ingested: freshness is measured from
  there, so that a feed that stopped is seen while the others go on.
- **judge** is mapped over the tables that **tables** lists. A critical rule that failed fails the
  table's task, which is not tried again; a warning is handed on.
- **warn** posts all warnings as one alert to the channel.
- **scores** renews the score of each table and day by dimension: completeness, uniqueness,
  validity, consistency, freshness, volume. The target is 99 %.
- **docs** builds Great Expectations' Data Docs from what was measured.
- **verdict** fails the run if a critical rule failed, after all of the above was done.

By hand: `python -m quality`, `python -m quality docs`, and for the records that were refused
`python -m quality.quarantine`.
"""

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Param, TriggerRule, chain, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from infra.airflow.callbacks import late_after
from infra.airflow.defaults import RETRIES, nightly, task_settings
from jobs.alert import Alert, alert
from jobs.errors import GateFailed
from jobs.specs import find_spec, load_specs

TABLES_AT_ONCE = 2
PARAMS: dict[str, Param] = {
    "tables": Param(
        [], type="array", items={"type": "string"}, description="only these tables; empty: all"
    ),
    "namespace": Param("", type="string", description="a test's or proof's; empty: the platform's"),
}


def list_tables() -> list[str]:
    """The names of the tables to judge.

    Raises: SpecError for one there is not.
    """
    context: Any = get_current_context()
    return [find_spec(name).name for name in context["params"]["tables"]] or list(load_specs())


def find_moment() -> str:
    """When the newest record of the lake was ingested, in ISO 8601."""
    from jobs.session import spark
    from quality.reach import Reach

    with task_settings() as settings:
        return Reach(spark(settings), settings).now().isoformat()


def judge_table(table: str, at: str) -> list[str]:
    """The warnings of one table.

    Raises: GateFailed if a critical rule failed.
    """
    from quality.passes import judge_tables

    with task_settings() as settings:
        judged = judge_tables(settings, [table], datetime.fromisoformat(at))
    if judged.never_run:
        print(f"{table} was never run, so it was not judged")
        return []
    said: dict[str, list[str]] = {"critical": [], "warning": []}
    for failure in judged.failures:
        said[failure.severity].append(failure.text)
    if said["critical"]:
        raise GateFailed("; ".join([*said["critical"], *said["warning"]]))
    print(*said["warning"] or [f"{table}: all rules kept"], sep="\n")
    return said["warning"]


def post_warnings(warnings: Any) -> int:
    """How many warnings were posted, all in one alert; none if there were none."""
    lines = [line for of_table in warnings for line in of_table]
    if lines:
        title = f"data quality: {len(lines)} rules are not kept"
        told = Alert(title, "warning", "airflow quality", "\n".join(lines))
        with task_settings() as settings:
            alert(settings, told)
    return len(lines)


def renew_scores() -> int:
    """How many scores there are, of all tables on all days known."""
    from jobs.session import spark
    from quality.passes import store_scores
    from quality.scores import table_of

    with task_settings() as settings:
        found = store_scores(spark(settings), settings, load_specs())
    print(*table_of(found), sep="\n")
    return len(found)


def build_docs(scores_count: int) -> str:
    """The index page of the Data Docs; skipped while no table was ever judged."""
    from quality.docs import build

    if not scores_count:
        raise AirflowSkipException("no table was ever judged")
    with task_settings() as settings:
        return str(build(settings))


def say_so() -> None:
    """Runs only if no table's task failed."""
    print("no critical rule failed")


@dag(
    schedule=nightly(hour=4),
    catchup=False,
    max_active_runs=1,
    default_args={**RETRIES, "execution_timeout": timedelta(minutes=30)},
    deadline=late_after(hours=2),
    params=PARAMS,
    tags=["operations", "quality"],
    doc_md=__doc__,
)
def quality() -> None:
    """One task for each table, then what is told of all of them."""
    at = task(task_id="moment")(find_moment)()
    judged = (
        task(
            task_id="judge",
            max_active_tis_per_dagrun=TABLES_AT_ONCE,
            map_index_template="{{ task.op_kwargs['table'] }}",
        )(judge_table)
        .partial(at=at)
        .expand(table=task(task_id="tables")(list_tables)())
    )
    whatever = TriggerRule.ALL_DONE
    task(task_id="warn", trigger_rule=whatever)(post_warnings)(judged)
    scored = task(task_id="scores", trigger_rule=whatever)(renew_scores)()
    written = task(task_id="docs")(build_docs)(scored)
    chain(judged, scored)
    chain([judged, written], task(task_id="verdict")(say_so)())


quality()
