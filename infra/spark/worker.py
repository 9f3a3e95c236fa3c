"""The process that lands a stream's batches: it answers Spark first, and imports afterwards.

Spark gives such a process ten seconds to connect. pyspark's own module for it imports before it
does, three seconds of processor, and that took longer than the ten on processors that other
services were starting on: the stream failed, and the next attempt met the same.
Source: pyspark/sql/connect/streaming/worker/foreach_batch_worker.py, whose last lines these are
"""

import os

from pyspark.serializers import write_int
from pyspark.util import local_connect_and_auth


def main() -> None:
    """Nothing, when the stream has ended."""
    port = int(os.environ["PYTHON_WORKER_FACTORY_PORT"])
    to_spark, connection = local_connect_and_auth(port, os.environ["PYTHON_WORKER_FACTORY_SECRET"])
    connection.settimeout(None)  # between two batches any time may pass
    write_int(os.getpid(), to_spark)  # type: ignore[no-untyped-call]
    to_spark.flush()
    from pyspark.sql.connect.streaming.worker import foreach_batch_worker

    try:
        foreach_batch_worker.main(to_spark, to_spark)
    finally:
        to_spark.close()


if __name__ == "__main__":
    main()
