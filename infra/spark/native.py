"""The Spark Connect server as a native process."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from infra.native.command import Command
from infra.native.install import spark_jars
from infra.native.instance import Instance
from infra.spark import classes
from jobs.errors import LakeproofError

HERE = Path(__file__).parent
# Clients' variables, the second set by pyspark itself: with either, what should be a driver, a
# master or a worker takes itself for a client.
CONNECT_VARIABLES = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED")


def command(instance: Instance) -> Command:
    """The server with pyspark's own Spark and the jars of pom.xml."""
    home = spark_home()
    settings = instance.folder("spark", "conf")
    # A killed server leaves its shuffle files here; nobody else uses the folder.
    shutil.rmtree(instance.folder("spark", "local"))
    instance.render(
        HERE / "spark-defaults.conf",
        settings / "spark-defaults.conf",
        JARS=str(spark_jars()),
        LOCAL=str(instance.folder("spark", "local")),
        LOG4J=str(HERE / "log4j2.properties"),
        CLASSES=classes.option(home),
        PORT=str(instance.port("SPARK_REMOTE")),
    )
    return Command(
        # Both shell scripts below spark-submit exec: the JVM takes this process' place.
        [
            str(home / "bin" / "spark-submit"),
            "--properties-file",
            str(settings / "spark-defaults.conf"),
            str(HERE / "server.py"),
        ],
        {
            "SPARK_HOME": str(home),
            # Of the class path; Java keeps no classes of one that has a folder with files in it.
            "SPARK_CONF_DIR": str(instance.folder("spark", "no-conf")),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        },
        without=CONNECT_VARIABLES,
    )


def spark_home() -> Path:
    """Where pyspark has its own Spark.

    Raises: LakeproofError if there is no pyspark.
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise LakeproofError(f"{sys.executable} has no pyspark. `make venv` installs it.")
    return Path(spec.origin).parent
