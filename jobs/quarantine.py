"""Rejected records with their reasons and raw bytes, once each, per table that refused them."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import delta
from jobs.decode import ROW, record_id
from jobs.fates import QUARANTINED
from jobs.settings import Settings
from jobs.spec import Spec, find_spec

COLUMNS = {
    "record_id": "bigint",
    "source": "string",
    "reasons": "array<string>",
    "raw": "binary",
    "ingested_at": "timestamp",
    "run_id": "string",
}
SOURCE_VIEW = "lakeproof_quarantine"


def quarantine_path(settings: Settings, table: str) -> str:
    """The lake path of a table's quarantine."""
    return settings.table_path(f"quarantine.{table}")


def quarantine(
    session: SparkSession,
    spec: Spec,
    staged: DataFrame,
    raw: DataFrame | None,
    run: tuple[str, str],
) -> None:
    """Nothing; the quarantined rows of the batch are in the quarantine table, each one once.

    `raw` is the bronze frame the batch was decoded from, None where the input is no bronze table:
    then the row itself, as JSON, is what is kept. `run` is (path of the quarantine, run id).
    """
    path, run_id = run
    rejected = staged.where(F.col("_fate") == QUARANTINED).select(
        f"{ROW}.record_id",
        f"{ROW}.source",
        F.col("_reasons").alias("reasons"),
        f"{ROW}.ingested_at",
        F.to_json(F.struct(*spec.columns)).cast("binary").alias("own_json"),
        F.lit(run_id).alias("run_id"),
    )
    if raw is None:
        rows = rejected.withColumnRenamed("own_json", "raw")
    else:
        source = find_spec(spec.inputs[0]).source
        assert source is not None  # raw bytes come from bronze only
        bytes_by_id = raw.select(record_id(source).alias("record_id"), F.col("value").alias("raw"))
        rows = bytes_by_id.join(F.broadcast(rejected.drop("own_json")), on="record_id")
    delta.create(session, path, COLUMNS)
    rows.select(*COLUMNS).createOrReplaceTempView(SOURCE_VIEW)
    session.sql(
        f"MERGE INTO {delta.ref(path)} AS target USING {SOURCE_VIEW} AS source "
        "ON target.record_id = source.record_id WHEN NOT MATCHED THEN INSERT *"
    )
