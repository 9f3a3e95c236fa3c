"""All faults by name: what is struck, at which moment, and how it shows that all goes on.

Source: Kafka's ducktape suite (replication_test.py) and Spark's FailureSuite do the same to theirs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from infra.airflow.client import Airflow
from infra.chaos.load import Target
from infra.chaos.merging import a_merge_has_written, require_shipments
from infra.chaos.processes import (
    FROZEN_SECONDS,
    bounce_kafka,
    freeze,
    hang,
    kill,
    kill_spark_optimizing,
)
from infra.chaos.store import COMMIT_UNANSWERED, LATE_AND_RESET, lose_checkpoint, trouble_store
from infra.chaos.traffic import change_schema, delete_unread, send_again, send_late, skew_clocks
from infra.chaos.waiting import await_moment
from infra.chaos.writers import kill_task, run_beside
from jobs import capture
from jobs.objects import keys
from jobs.serve import MART_DATABASE
from jobs.session import clickhouse
from jobs.settings import Settings
from jobs.stream import checkpoint

SCHEDULER, PULSE = "airflow-scheduler", "overhead"
LOADED = (
    "SELECT count() FROM system.tables "
    "WHERE database = {database:String} AND match(name, '__[0-9]+$') AND total_rows > 0"
)
TABLE = "bronze/orders"
# A new object below the first, with the second in its name, shows that a batch of the stream has
# come there, in this order.
MOMENTS = {
    "its offsets are logged": (f"{checkpoint.FOLDER}/", "/offsets/"),
    "rows are written": (f"{TABLE}/_proc_date=", ""),
    "its table is committed": (f"{TABLE}/_delta_log/0", ""),
}


@dataclass(frozen=True)
class Fault:
    """What is done, as soon as `moment` has waited for its point in the platform's work.

    `check` raises LakeproofError if something is wrong then that is not seen in the orders.
    """

    strike: Callable[[Target], None]
    moment: Callable[[Target], None] = lambda _target: None
    check: Callable[[Target], None] = lambda _target: None


def a_mart_is_loaded(target: Target) -> None:
    """Nothing, when a new version of a mart stands beside the one that is read.

    Raises: StandsStill if none is loaded.
    """
    client, database = clickhouse(target.settings), target.settings.database(MART_DATABASE)
    await_moment(
        target.settings,
        lambda: client.query(LOADED, parameters={"database": database}).result_rows[0][0],
        "a mart to be loaded by the stream",
    )


def a_batch_is_there(moment: str, target: Target) -> None:
    """Nothing, when a batch of the stream has just come to a moment.

    Raises: StandsStill if none comes there.
    """

    def there() -> set[str]:
        return _names(target.settings, *MOMENTS[moment])

    before = there()
    what = f"a batch of the stream to come to the point where {moment}"
    await_moment(target.settings, lambda: there() - before, what)


FAULTS: dict[str, Fault] = {
    **{
        f"{service} killed": Fault(partial(kill, service))
        for service in ("spark", "stream", "kafka", "minio", "clickhouse", "postgres", SCHEDULER)
    },
    "connect killed": Fault(partial(kill, "connect")),
    "kafka killed five times": Fault(bounce_kafka),
    f"{SCHEDULER} hung": Fault(partial(hang, SCHEDULER)),
    "spark killed while it compacts": Fault(kill_spark_optimizing),
    **{f"{service} frozen": Fault(partial(freeze, service)) for service in FROZEN_SECONDS},
    "minio late and resetting": Fault(partial(trouble_store, LATE_AND_RESET)),
    "commits unanswered": Fault(partial(trouble_store, COMMIT_UNANSWERED)),
    "checkpoint lost": Fault(lose_checkpoint),
    **{
        f"spark killed once {moment}": Fault(
            partial(kill, "spark"), partial(a_batch_is_there, moment)
        )
        for moment in MOMENTS
    },
    **{
        f"{service} killed between load and swap": Fault(partial(kill, service), a_mart_is_loaded)
        for service in ("stream", "clickhouse")
    },
    "batch runs beside the stream": Fault(run_beside),
    "task killed in a DAG that runs twice": Fault(kill_task),
    "orders deleted unread": Fault(delete_unread),
    "orders sent again": Fault(send_again),
    "orders late": Fault(send_late),
    "orders by wrong clocks": Fault(skew_clocks),
    "orders of another shape": Fault(change_schema),
    "spark killed while it merges": Fault(
        partial(kill, "spark"), a_merge_has_written, require_shipments
    ),
}


def is_recovered(fault: str, settings: Settings) -> bool:
    """Whether what no order shows goes on too: DAGs, or the capture of the shop's database.

    Raises: ServiceDown, LakeproofError while it does not.
    """
    pulse = PULSES.get(fault.partition(" ")[0])
    return pulse is None or pulse(settings)


def _a_dag_runs_through(settings: Settings) -> bool:
    airflow = Airflow(settings)
    airflow.make_ready([PULSE])
    return airflow.await_run(PULSE, airflow.start(PULSE)) == "success"


def _the_log_is_read(settings: Settings) -> bool:
    return capture.progress(settings).state == "RUNNING"


PULSES: dict[str, Callable[[Settings], bool]] = {
    SCHEDULER: _a_dag_runs_through,
    "connect": _the_log_is_read,
}


def _names(settings: Settings, prefix: str, part: str) -> set[str]:
    """The objects below a prefix, by what follows it, that have a part in it."""
    key = settings.object_key(prefix)
    names = (found.removeprefix(key) for found in keys(settings, key))
    return {name for name in names if part in name}
