"""The Spark Connect server, as a plugin of an ordinary Spark application.

Spark's own main class for it gives each session a class loader of its own, for classes a client
may upload. Generated code is cached by class loader, so each session, and with it each Airflow
task, compiled everything again. As a plugin the server leaves that to `spark-defaults.conf`.

Of Python, spark-submit only needs somebody who asks its JVM for the application: pyspark itself
would be imported, for seconds on busy processors, and used for nothing.
"""

import os
from typing import Any

from py4j.clientserver import ClientServer, JavaParameters, PythonParameters
from py4j.protocol import Py4JError

GATEWAY = ClientServer(
    JavaParameters(
        port=int(os.environ["PYSPARK_GATEWAY_PORT"]),
        auth_token=os.environ["PYSPARK_GATEWAY_SECRET"],
    ),
    PythonParameters(port=0, eager_load=False),
)
JVM: Any = GATEWAY.jvm
JVM.org.apache.spark.sql.SparkSession.builder().getOrCreate()
SERVICE = getattr(JVM.org.apache.spark.sql.connect.service, "SparkConnectService$")

try:
    getattr(SERVICE, "MODULE$").server().awaitTermination()
except Py4JError:  # the JVM is gone; nobody shall take this process for a server
    raise SystemExit("the Spark server has ended") from None
