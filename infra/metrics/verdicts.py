"""What was judged: the quality of the tables, and the proofs of the answers."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from prometheus_client.metrics_core import Metric

from answers.runs import newest
from infra.metrics.parts import gauge
from jobs.commits import storage_options
from jobs.session import require_object_store
from jobs.settings import Settings
from quality.results import RESULTS, within
from quality.rules import DIMENSIONS
from quality.scores import SCORES

RESULT_COLUMNS = ["table_name", "day", "kind", "rule", "severity", "measured", "minimum", "maximum"]


def quality(settings: Settings) -> Iterator[Metric]:
    """The scores of each table's newest day, and how many of its rules did not hold.

    Raises: ServiceDown.
    """
    scores = {
        (row["table_name"], dimension): row[dimension]
        for row in _newest_days(rows(settings, SCORES, ["table_name", "day", *DIMENSIONS, "total"]))
        for dimension in (*DIMENSIONS, "total")
    }
    about = "How good the table's newest judged day was, from 0 to 1"
    yield gauge("lakeproof_quality_score_ratio", about, ["table", "dimension"], scores)
    failed = Counter[tuple[str, ...]]()
    for row in _newest_days(rows(settings, RESULTS, RESULT_COLUMNS)):
        holds = within(row["measured"], row["minimum"], row["maximum"])
        failed[row["table_name"], row["severity"] or "none"] += not holds
    about = "Rules that did not hold on the table's newest judged day"
    yield gauge("lakeproof_quality_failed_rules", about, ["table", "severity"], failed)


def proofs(settings: Settings) -> Iterator[Metric]:
    """The last run of each proof that ran here.

    Raises: ServiceDown.
    """
    found = newest(settings)
    proven = {(slug,): float(run.is_proven) for slug, run in found.items()}
    seconds = {(slug,): run.seconds for slug, run in found.items()}
    started = {(slug,): run.started_at.timestamp() for slug, run in found.items()}
    yield gauge("lakeproof_proof_proven", "Whether every claim held", ["answer"], proven)
    yield gauge("lakeproof_proof_seconds", "How long the proof took", ["answer"], seconds)
    about = "When the proof was started, in seconds since 1970"
    yield gauge("lakeproof_proof_started_timestamp_seconds", about, ["answer"], started)


def rows(settings: Settings, table: str, columns: list[str]) -> list[dict[str, Any]]:
    """Some columns of a small table; nothing where there is no table.

    Raises: ServiceDown.
    """
    require_object_store(settings)
    path = settings.table_path(table).replace("s3a://", "s3://", 1)
    try:
        found = DeltaTable(path, storage_options=storage_options(settings))
    except TableNotFoundError:
        return []
    return list(found.to_pyarrow_table(columns=columns).to_pylist())


def _newest_days(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    newest_day = {row["table_name"]: row["day"] for row in sorted(found, key=lambda r: r["day"])}
    return (row for row in found if row["day"] == newest_day[row["table_name"]])
