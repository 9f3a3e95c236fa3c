"""The lakehouse pipeline, derived from the table specs.

One DAG per layer: **ingest** lands raw records in bronze, **silver** types and judges them,
**gold** builds the star schema and the marts, **serve** loads the marts into ClickHouse.
Each task brings one table up to date with its inputs and is safe to repeat: what a run consumed
is written in the Delta commit it makes. A layer starts when the assets it reads were updated.

The tables that are pulled from HTTP APIs are one mapped task of **ingest**: each platform has its
own attempts and its own budget of requests, and few are asked at a time. Which of them brought
something is known only then, so their assets are updated through an asset alias.

A failed gate is not tried again, because the same data fails it again; anything else is. A task
that failed for good, and a run that is not done within half an hour, are told to the alert channel.
"""

from datetime import UTC, datetime

from airflow.sdk import Asset, AssetAlias, dag, get_current_context, task

from infra.airflow.callbacks import late_after
from infra.airflow.defaults import RETRIES, task_settings
from jobs.spec import LAYERS, Spec
from jobs.specs import load_specs

SPECS = load_specs()
APIS = AssetAlias("apis")
APIS_AT_ONCE = 2
ALLOWED_MINUTES = 30
DAG_NAMES = {"bronze": "ingest", "silver": "silver", "gold": "gold"}


def mart_of(spec: Spec) -> str:
    """The name of the asset that a gold table's mart is."""
    return f"mart.{spec.name.partition('.')[2]}"


def doc_of(specs: list[Spec]) -> str:
    """What a reader of the DAG's page in Airflow learns: how it works, and what each task makes."""
    tables = [f"- **{spec.name}** ({spec.load}): {spec.description}" for spec in specs]
    return "\n".join([__doc__ or "", "Its tables:", "", *tables])


def bring_up_to_date(table: str) -> dict[str, int]:
    """Run one table; the counts per fate go to XCom and onto the asset event."""
    counts = run_table(table)
    get_current_context()["outlet_events"][Asset(table)].extra = dict(counts)
    return counts


def pull_up_to_date(table: str) -> dict[str, int]:
    """The same for one of the mapped tables, which updates no asset but its own."""
    counts = run_table(table)
    get_current_context()["outlet_events"][APIS].add(Asset(table), extra=dict(counts))
    return counts


def run_table(table: str) -> dict[str, int]:
    """The counts per fate of a run of one table."""
    from jobs.run import run

    with task_settings() as settings:
        record = run(table, settings)
    print(record.summary())
    return record.counts


def load_mart(table: str) -> dict[str, int]:
    """Serve one gold table; version and rows go to XCom."""
    from jobs.serve import serve

    with task_settings() as settings:
        served = serve(table, settings)
    print(served.summary())
    return {"version": served.version, "rows": served.rows_count}


def is_api(spec: Spec) -> bool:
    """Whether a table is pulled from an HTTP API."""
    return spec.source is not None and spec.source.pull.get("from") == "api"


def layer_dag(layer: str) -> None:
    """Register the DAG that brings all tables of a layer up to date."""
    specs = [spec for spec in SPECS.values() if spec.layer == layer]
    read = {table for spec in specs for table in spec.inputs} - {spec.name for spec in specs}

    @dag(
        dag_id=DAG_NAMES[layer],
        schedule=[Asset(table) for table in sorted(read)] or None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args=RETRIES,
        deadline=late_after(minutes=ALLOWED_MINUTES),
        tags=["lakehouse", layer],
        doc_md=doc_of(specs),
    )
    def build() -> None:
        tasks = {
            spec.name: task(task_id=spec.name, outlets=[Asset(spec.name)], doc_md=spec.description)(
                bring_up_to_date
            )(spec.name)
            for spec in specs
            if not is_api(spec)
        }
        if apis := [spec.name for spec in specs if is_api(spec)]:
            task(
                task_id=APIS.name,
                outlets=[APIS],
                map_index_template="{{ task.op_kwargs['table'] }}",
                max_active_tis_per_dagrun=APIS_AT_ONCE,
                doc_md="Each table that is pulled from an HTTP API.",
            )(pull_up_to_date).expand(table=apis)
        for spec in specs:
            for table in spec.inputs:
                if table in tasks:
                    tasks[table] >> tasks[spec.name]

    build()


SERVED = [spec for spec in SPECS.values() if spec.serve]


@dag(
    dag_id="serve",
    schedule=[Asset(spec.name) for spec in SERVED],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    deadline=late_after(minutes=ALLOWED_MINUTES),
    tags=["lakehouse", "serve"],
    doc_md=doc_of(SERVED),
)
def serve_dag() -> None:
    """Each served gold table becomes a mart, swapped in whole."""
    for spec in SERVED:
        task(task_id=mart_of(spec), outlets=[Asset(mart_of(spec))])(load_mart)(spec.name)


for _layer in LAYERS:
    layer_dag(_layer)
serve_dag()
