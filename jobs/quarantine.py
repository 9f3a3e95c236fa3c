"""Rejected records with their reasons and raw bytes, once each, per table that refused them."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import commits, dead_letters, delta
from jobs.decode import RAW_COLUMNS, ROW, record_id
from jobs.errors import LakeproofError
from jobs.fates import QUARANTINED
from jobs.kept import keep
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec

# What a message of Kafka has beside its value; null for a line of a file.
OF_KAFKA = {name: RAW_COLUMNS["kafka"][name] for name in ("key", "headers")}
COLUMNS = {
    "record_id": "bigint",
    "source": "string",
    "reasons": "array<string>",
    "raw": "binary",
    "ingested_at": "timestamp",
    "run_id": "string",
    **OF_KAFKA,
}


def quarantine_path(settings: Settings, table: str) -> str:
    """The lake path of a table's quarantine."""
    return settings.table_path(f"quarantine.{table}")


def quarantine(
    settings: Settings,
    spec: Spec,
    staged: DataFrame,
    raw: DataFrame | None,
    run_id: str,
) -> None:
    """Nothing; the quarantined rows of the batch are in the quarantine table, each one once.

    Those that came by a topic are in its dead-letter topic too.

    `raw` is the bronze rows the batch was decoded from, None where no input is a bronze table:
    then the row itself, as JSON, is what is kept.
    Raises: LakeproofError if another run of the table wrote at the same moment.
    """
    rejected = staged.where(F.col("_fate") == QUARANTINED).select(
        f"{ROW}.record_id",
        f"{ROW}.source",
        F.col("_reasons").alias("reasons"),
        f"{ROW}.ingested_at",
        F.to_json(F.struct(*spec.transformed)).cast("binary").alias("own_json"),
        F.lit(run_id).alias("run_id"),
    )
    kept: tuple[str, ...] = ()
    if raw is None:
        rows = rejected.withColumnRenamed("own_json", "raw")
    else:
        source = find_spec(spec.raw_inputs[0]).source
        assert source is not None  # raw bytes come from bronze only
        kept = tuple(OF_KAFKA) if source.kind == "kafka" else ()
        whole = raw.select(record_id(source).alias("record_id"), F.col("value").alias("raw"), *kept)
        rows = whole.join(F.broadcast(rejected.drop("own_json")), on="record_id")
    absent = [F.lit(None).cast(OF_KAFKA[name]).alias(name) for name in OF_KAFKA if name not in kept]
    _append(settings, rows.select("*", *absent).select(*COLUMNS), spec, run_id)


def _append(settings: Settings, rows: DataFrame, spec: Spec, run_id: str) -> None:
    """Nothing; the records that the quarantine did not have are in it."""
    session, path = rows.sparkSession, quarantine_path(settings, spec.name)
    version = commits.latest_version(settings, path)
    if version is None:
        delta.create(session, path, COLUMNS)
        version = 0
    known = delta.read(session, path, version).select("record_id")
    unknown = keep(rows.join(F.broadcast(known), on="record_id", how="left_anti"))
    # First, so that a run that is killed here sends them again rather than not at all.
    dead_letters.send(settings, spec, unknown)
    # Of two runs that saw the same version, Delta passes over the second.
    writer = unknown.write.format("delta").mode("append").option("userMetadata", run_id)
    writer = writer.option("mergeSchema", "true")  # quarantines had no key and headers once
    writer.option("txnAppId", path).option("txnVersion", version).save(path)
    if commits.latest_metadata(settings, path) != run_id:
        raise LakeproofError(
            f"another run wrote to {path} at the same moment. Nothing is lost; run the table again."
        )
