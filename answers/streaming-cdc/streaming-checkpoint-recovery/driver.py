"""A streaming driver that is killed in the middle of a batch: `driver.py topic table checkpoint`.

Its second batch comes to a record that takes for ever. Then the driver's JVM gets SIGKILL. Prints
what the driver had said of itself by then.
"""

import json
import os
import sys
from typing import Any

import psutil
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from answers.labs.waiting import wait_until
from jobs.session import object_store
from jobs.settings import Settings, load_settings, state_dir

RECORDS_PER_BATCH = 100
ENDLESS_RECORD = 150
FOR_EVER_MS = 3_600_000


def own_session(settings: Settings) -> SparkSession:
    """A driver in this process, as the platform's server is configured."""
    os.environ["SPARK_CONF_DIR"] = str(state_dir(settings.instance) / "spark" / "conf")
    smaller = {"spark.plugins": "", "spark.ui.enabled": "false", "spark.driver.memory": "1g"}
    builder = SparkSession.builder.master("local[2]")
    for name, value in smaller.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def start(settings: Settings, topic: str, table: str, checkpoint: str) -> Any:
    """The running query."""
    raw = (
        own_session(settings)
        .readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.kafka_bootstrap_servers)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", RECORDS_PER_BATCH)
        .load()
    )
    hangs = F.expr(f"java_method('java.lang.Thread', 'sleep', {FOR_EVER_MS}L)")
    is_endless = F.col("offset") == ENDLESS_RECORD
    value = F.when(is_endless, hangs).otherwise(F.col("value").cast("string"))
    writer = raw.select(value.alias("value")).writeStream.format("delta")
    return writer.option("checkpointLocation", checkpoint).start(table)


def main(topic: str, table: str, checkpoint: str) -> None:
    """Run until the second batch hangs, and kill."""
    settings = load_settings()
    query = start(settings, topic, table, checkpoint)
    begins = checkpoint.split(f"{settings.s3_bucket}/", 1)[1] + "/offsets/1"
    store = object_store(settings)

    def is_in_second_batch() -> bool:
        assert query.isActive, query.exception()
        found = store.list_objects(settings.s3_bucket, prefix=begins)
        return any(True for _ in found) and query.lastProgress is not None

    wait_until(is_in_second_batch, "the second batch")
    done = query.lastProgress["batchId"]
    [jvm] = [child for child in psutil.Process().children() if child.name() == "java"]
    jvm.kill()
    code = jvm.wait()
    print(json.dumps({"last_finished_batch": done, "driver_ended_with": code}), flush=True)
    os._exit(0)  # there is no driver left to say goodbye to


if __name__ == "__main__":
    main(*sys.argv[1:4])
