"""The Spark Connect server, as a plugin of an ordinary Spark application.

Spark's own main class for it gives each session a class loader of its own, for classes a client
may upload. Generated code is cached by class loader, so each session, and with it each Airflow
task, compiled everything again. As a plugin the server leaves that to `spark-defaults.conf`.
"""

from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

JVM: Any = SparkSession.builder.getOrCreate().sparkContext._jvm
SERVICE = getattr(JVM.org.apache.spark.sql.connect.service, "SparkConnectService$")

try:
    getattr(SERVICE, "MODULE$").server().awaitTermination()
except Py4JError:  # the JVM is gone; nobody shall take this process for a server
    raise SystemExit("the Spark server has ended") from None
