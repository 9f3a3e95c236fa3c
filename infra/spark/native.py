"""The Spark Connect server as a native process."""

import shutil
import sys
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from infra.native.command import Command, wait_for_port
from infra.native.install import spark_jars
from infra.native.instance import Instance, write_private
from infra.spark import classes
from jobs.errors import LakeproofError

HERE = Path(__file__).parent
LOG4J = HERE / "log4j2.properties"
LOCAL_MASTER = "local[4]"
# Clients' variables, the second set by pyspark itself: with either, what should be a driver, a
# master or a worker takes itself for a client.
CONNECT_VARIABLES = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
# What Spark starts as Python, on the workers too, and what that becomes.
PYTHON = {"PYSPARK_PYTHON": str(HERE / "python.sh"), "LAKEPROOF_PYTHON": sys.executable}
# What computes steps back for what answers: beside a busy Spark, Airflow's scheduler took 86 s to
# start and run a DAG through; with this, 57.
NICENESS = 5
# Of a worker; both have one executor each, see cluster.conf.
CORES, MEMORY = "2", "1g"


def command(instance: Instance) -> Command:
    """The server with pyspark's own Spark and the jars of pom.xml."""
    home = spark_home()
    settings = instance.folder("spark", "conf")
    # A killed server leaves its shuffle files here; nobody else uses the folder.
    shutil.rmtree(instance.folder("spark", "local"))
    properties = instance.render(
        HERE / "spark-defaults.conf",
        settings / "spark-defaults.conf",
        MASTER=master(instance) if instance.workers else LOCAL_MASTER,
        JARS=str(spark_jars()),
        LOCAL=str(instance.folder("spark", "local")),
        LOG4J=str(LOG4J),
        CLASSES=classes.option(home),
        PORT=str(instance.port("SPARK_REMOTE")),
    )
    if instance.workers:
        write_private(properties, properties.read_text() + _cluster(instance, settings).read_text())
    return Command(
        # Both shell scripts below spark-submit exec: the JVM takes this process' place.
        [
            str(home / "bin" / "spark-submit"),
            "--properties-file",
            str(properties),
            str(HERE / "server.py"),
        ],
        {
            "SPARK_HOME": str(home),
            "SPARK_CONF_DIR": str(classes.no_settings()),
            "SPARK_LOCAL_IP": "127.0.0.1",
            **PYTHON,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        },
        without=CONNECT_VARIABLES,
        niceness=NICENESS,
    )


def component(instance: Instance, name: str) -> Command:
    """The master of Spark's workers, or `worker-1`, `worker-2`, once the master is there."""
    shutil.rmtree(instance.folder("spark", name))  # a killed worker leaves its executors' files
    folder = instance.folder("spark", name)
    settings = _cluster(instance, folder)
    if name == "master":
        ports = {"--port": "SPARK_MASTER_PORT", "--webui-port": "SPARK_CLUSTER_URL"}
        options = {option: str(instance.port(key)) for option, key in ports.items()}
        return _of_cluster("master.Master", settings, options)
    wait_for_port(instance.port("SPARK_MASTER_PORT"))
    options = {"--cores": CORES, "--memory": MEMORY, "--work-dir": str(folder), "--webui-port": "0"}
    return _of_cluster("worker.Worker", settings, options, master(instance))


def master(instance: Instance) -> str:
    """The address of the master of the workers."""
    return f"spark://127.0.0.1:{instance.port('SPARK_MASTER_PORT')}"


def _cluster(instance: Instance, folder: Path) -> Path:
    more = {"JARS": str(spark_jars()), "LOG4J": str(LOG4J)}
    return instance.render(HERE / "cluster.conf", folder / "cluster.conf", **more)


def _of_cluster(main: str, settings: Path, options: dict[str, str], *last: str) -> Command:
    home, own = str(spark_home()), {"--host": "127.0.0.1", "--properties-file": str(settings)}
    # The shell script execs: the JVM takes this process' place.
    return Command(
        [f"{home}/bin/spark-class", f"org.apache.spark.deploy.{main}",
         *chain.from_iterable((own | options).items()), *last],
        {
            "SPARK_HOME": home,
            "SPARK_CONF_DIR": str(settings.parent),
            "SPARK_LOCAL_DIRS": str(settings.parent),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": f"-XX:+UseSerialGC -Dlog4j2.configurationFile={LOG4J}",
            **PYTHON,
        },
        without=CONNECT_VARIABLES,
        niceness=NICENESS,
    )  # fmt: skip


def spark_home() -> Path:
    """Where pyspark has its own Spark.

    Raises: LakeproofError if there is no pyspark.
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise LakeproofError(f"{sys.executable} has no pyspark. `make venv` installs it.")
    return Path(spec.origin).parent
