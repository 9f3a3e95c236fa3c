"""Raw records into bronze, byte for byte: new Kafka offsets and new landing files.

Files of a source with `pull` are fetched first.
"""

import json
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import delta
from jobs.checksum import checksum, row_hash
from jobs.commits import RunRecord
from jobs.decode import RAW_COLUMNS
from jobs.errors import LedgerError
from jobs.ingest_files import first_line_number, new_deliveries, raw_lines
from jobs.kept import keep_measured
from jobs.pull import pull
from jobs.settings import Settings
from jobs.spec import Source, Spec
from jobs.topics import offsets_ahead, require_kept

KAFKA_OPTIONS = {
    "includeHeaders": "true",
    "failOnDataLoss": "true",
    # What a producer took back was never sent.
    "kafka.isolation.level": "read_committed",
    "kafka.default.api.timeout.ms": "20000",
    "kafka.request.timeout.ms": "10000",
    # A broker answers as soon as it has data; the usual 500 ms are spent at each partition's end.
    "kafka.fetch.max.wait.ms": "20",
}


def ingest(session: SparkSession, spec: Spec, settings: Settings, record: RunRecord) -> RunRecord:
    """The record of what was landed; counts['landed'] is 0 when there was nothing new.

    Raises: ServiceDown; PullFailed; LedgerError if Kafka deleted records before they were read, or
    a delivered file gave no row.
    """
    assert spec.source is not None  # spec.py lets no bronze table be without
    of_kind = _ingest_topic if spec.source.kind == "kafka" else _ingest_files
    return of_kind(session, spec, settings, record)


def numbered(raw: DataFrame, source: Source, record: RunRecord) -> DataFrame:
    """The rows as bronze has them, with the number of the run that lands them."""
    run_number = F.lit(record.run_number).cast("bigint")
    return raw.withColumn("run_number", run_number).select(*RAW_COLUMNS[source.kind])


def as_landed(records: DataFrame) -> DataFrame:
    """What Spark reads from Kafka, in bronze's columns."""
    named = records.withColumnRenamed("timestamp", "ingested_at")
    return named.withColumn("_proc_date", F.to_date("ingested_at"))


def _ingest_topic(
    session: SparkSession, spec: Spec, settings: Settings, record: RunRecord
) -> RunRecord:
    """Records from the offsets of the last run up to the ends of the partitions now.

    They may be fewer than the offsets: a transaction's end takes one, and what it took back too.
    """
    assert spec.source is not None  # spec.py lets no bronze table be without
    topic = settings.topic(spec.source.topic)
    starts, ends = offsets_ahead(settings, topic, record.inputs, spec.name)
    if starts == ends:
        return replace(record, counts={"landed": 0})
    raw = (
        session.read.format("kafka")
        .options(**KAFKA_OPTIONS)
        .option("kafka.bootstrap.servers", settings.kafka_bootstrap_servers)
        .option("subscribe", topic)
        .option("startingOffsets", json.dumps({topic: starts}))
        .option("endingOffsets", json.dumps({topic: ends}))
        .load()
    )
    kept, found = keep_measured(as_landed(raw), _measures())
    require_kept(settings, topic, starts, spec.name)
    return _landed(kept, found, spec, settings, replace(record, inputs=ends))


def _ingest_files(
    session: SparkSession, spec: Spec, settings: Settings, record: RunRecord
) -> RunRecord:
    """The lines of the deliveries that have not landed yet; each of them gives a row at least."""
    source = spec.source
    assert source is not None  # spec.py lets no bronze table be without
    inputs: dict[str, Any] = {}
    if source.pull:
        inputs["watermark"] = pull(spec, settings, record.inputs.get("watermark")).watermark
    new, known_count = new_deliveries(session, spec, settings)
    if not new:
        return replace(record, counts={"landed": 0})
    is_begin = F.col("line_number").isin(0, first_line_number(source))
    with raw_lines(session, source, settings, new) as raw:
        kept, found = keep_measured(raw, {**_measures(), "files": F.count_if(is_begin)})
    if found["files"] != len(new):
        raise LedgerError(
            f"{spec.name}: {len(new)} files were delivered, {found['files']} of them gave a row. "
            f"Nothing was landed. They are {', '.join(each.path for each in new[:20])}; a file "
            "that was deleted meanwhile is missed once, so run the table again."
        )
    inputs["files"] = known_count + len(new)
    return _landed(kept, found, spec, settings, replace(record, inputs=inputs))


def _measures() -> dict[str, Any]:
    return {"landed": F.count("*"), "sum": checksum(row_hash("value"))}


def _landed(
    raw: DataFrame, found: dict[str, Any], spec: Spec, settings: Settings, record: RunRecord
) -> RunRecord:
    """The record of the rows, which are in the table."""
    assert spec.source is not None  # spec.py lets no bronze table be without
    counts, checksums = {"landed": found["landed"]}, {"landed": found["sum"]}
    done = replace(record, counts=counts, checksums=checksums)
    delta.append(numbered(raw, spec.source, done), settings.table_path(spec.name), done)
    return done
