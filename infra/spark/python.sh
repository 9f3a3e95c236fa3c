#!/bin/sh
# The Python that Spark starts. For a stream's batches it runs our module instead of pyspark's.
case "$2" in
  *.foreach_batch_worker) exec "$LAKEPROOF_PYTHON" -m infra.spark.worker ;;
esac
exec "$LAKEPROOF_PYTHON" "$@"
