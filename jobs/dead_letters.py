"""Refused messages, sent to the dead-letter topic of the topic they came by.

The quarantine table is the record of what was refused, each message once; the topic is how others
hear of it. It has a message at least once: a run that is killed between the two sends it again,
with the same `record_id`. Source: docs/decisions/dead-letters.md
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.decode import RAW_COLUMNS
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec
from jobs.topics import MOST_BYTES_OF_A_DEAD_LETTER, create_dead_letters

PREFIX = "dlq."
HEADERS = RAW_COLUMNS["kafka"]["headers"]


def send(settings: Settings, spec: Spec, refused: DataFrame) -> None:
    """Nothing; each row of `jobs.quarantine.COLUMNS` is a message as it came, and why it is there.

    Key, value and headers are those of the refused message; headers `dlq.*` are added: `reasons`
    with commas between, `source` (topic/partition/offset), `record_id`, `table`, `run_id`. Tables
    that read no topic send nothing.
    """
    source = find_spec(spec.raw_inputs[0]).source if spec.raw_inputs else None
    if source is None or source.kind != "kafka":
        return
    topic = settings.dead_letter_topic(source.topic)
    if topic is None:
        return
    create_dead_letters(source, settings)
    added = {
        "reasons": F.array_join("reasons", ","),
        "source": F.col("source"),
        "record_id": F.col("record_id").cast("string"),
        "table": F.lit(spec.name),
        "run_id": F.col("run_id"),
    }
    own = F.array(*(_header(name, value) for name, value in added.items()))
    headers = F.concat(F.coalesce("headers", F.array().cast(HEADERS)), own)
    messages = refused.select("key", F.col("raw").alias("value"), headers.alias("headers"))
    (
        messages.write.format("kafka")
        .option("kafka.bootstrap.servers", settings.kafka_bootstrap_servers)
        .option("kafka.max.request.size", MOST_BYTES_OF_A_DEAD_LETTER)
        .option("includeHeaders", "true")
        .option("topic", topic)
        .save()
    )


def _header(name: str, value: Column) -> Column:
    return F.struct(F.lit(PREFIX + name).alias("key"), F.encode(value, "UTF-8").alias("value"))
