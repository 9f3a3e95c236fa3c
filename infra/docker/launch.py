"""`python -m infra.docker.launch <service>`: in a container, prepare the service, then become it.

The service is the native one. What differs is where it listens and where the others are.
"""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from infra.airflow import native as airflow
from infra.docker import forward
from infra.docker.forward import Link
from infra.native import keys
from infra.native.command import Command
from infra.native.install import spark_jars
from infra.native.instance import (
    Instance,
    current_name,
    load,
    make_state_folder,
    write_private,
)
from infra.native.launch import launcher
from infra.spark import native as spark
from jobs.errors import LakeproofError
from jobs.settings import env_file, state_dir

LOOPBACK = "127.0.0.1"
# Servers that listen on loopback only, with the keys of their ports.
FORWARDED = {
    "stubs": ("SHOP_API_URL",),
    "alerts": ("ALERT_URL", "ALERT_SMTP"),
    "console": ("CONSOLE_URL",),
    "metrics": ("METRICS_URL",),
}
MASTER = "spark-master"
MASTER_PORT = 7077


def main(service: str) -> NoReturn:
    """Become the service, or end with what is wrong as the last line."""
    try:
        instance = instance_of(os.environ)
        found = command(service, instance, os.environ)
    except LakeproofError as error:
        sys.exit(f"{service}: {error}")
    if links := links_of(service, os.environ, socket.gethostbyname(socket.gethostname())):
        forward.in_background(links)
    found.run_instead_of_this(instance.environment())


def instance_of(environ: Mapping[str, str]) -> Instance:
    """The instance that the environment describes; its env file is there for all that look for it.

    Raises: SettingsError if the environment lacks a key.
    """
    name = current_name()
    make_state_folder(state_dir(name))
    values = {key.name: environ.get(key.name, "") for key in keys.KEYS}
    write_private(env_file(name), keys.render(values))
    return load(name)


def command(service: str, instance: Instance, environ: Mapping[str, str]) -> Command:
    """The native command of a service, changed where the container wants it otherwise."""
    family, _, component = service.partition("-")
    if family == "airflow":
        own = {key: value for key, value in environ.items() if key.startswith("AIRFLOW__")}
        return airflow.migrated(instance, component, {**airflow.prepare_home(instance), **own})
    if service == "spark":
        return _spark_connect(spark.command(instance), environ["SPARK_MASTER"])
    if family == "spark":
        return _spark_cluster(component, instance)
    if service == "stream":  # natively it waits for Postgres on loopback
        return Command([sys.executable, "-m", "jobs.stream"])
    return launcher(service)(instance)


def links_of(service: str, environ: Mapping[str, str], address: str) -> list[Link]:
    """What of the service's loopback the other containers reach, and the other way round."""
    ports = [keys.port_of(environ[key]) for key in FORWARDED.get(service, ())]
    links = [Link(address, port, LOOPBACK) for port in ports]
    if service == "metrics":  # the console answers only who calls it by its address outside
        links.append(Link(LOOPBACK, keys.port_of(environ["CONSOLE_URL"]), "console"))
    return links


def _spark_connect(native: Command, master: str) -> Command:
    settings = {
        "spark.master": master,
        "spark.driver.host": "spark",
        "spark.driver.bindAddress": "0.0.0.0",
        "spark.connect.grpc.binding.address": "0.0.0.0",
        "spark.executor.extraClassPath": f"{spark_jars()}/*",
    }
    options = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    submit, *rest = native.arguments
    variables = {key: value for key, value in native.variables.items() if key != "SPARK_LOCAL_IP"}
    return replace(native, arguments=[submit, *options, *rest], variables=variables)


def _spark_cluster(part: str, instance: Instance) -> Command:
    home = spark.spark_home()
    own = {
        "master": [f"--host={MASTER}", f"--port={MASTER_PORT}", "--webui-port=8064"],
        "worker": ["--cores=2", "--memory=2g", "--webui-port=8082",
                   f"--work-dir={instance.folder('spark-worker')}", f"spark://{MASTER}:{MASTER_PORT}"],
    }  # fmt: skip
    program = f"org.apache.spark.deploy.{part}.{part.capitalize()}"
    options = [piece for option in own[part] for piece in option.split("=", 1)]
    # Beside a worker's own memory is that of the tasks it starts; a master has none.
    variables = {"SPARK_HOME": str(home), "SPARK_DAEMON_MEMORY": "512m"}
    arguments = [str(home / "bin" / "spark-class"), program, *options]
    return Command(arguments, variables, without=spark.CONNECT_VARIABLES)


if __name__ == "__main__":
    main(sys.argv[1])
