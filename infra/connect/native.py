"""Kafka Connect with Debezium as a native process."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from infra.kafka.native import LOG4J
from infra.native.command import Command, java, wait_for_port
from infra.native.install import connect_jars
from infra.native.instance import Instance, write_private

HERE = Path(__file__).parent
WORKER = "org.apache.kafka.connect.cli.ConnectDistributed"
LOGIN_MODULE = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"


def command(instance: Instance) -> Command:
    """The worker, once Kafka listens; it gives up if it finds no broker."""
    folder = instance.folder("connect")
    login = f"{instance.values['CONNECT_USER']}={instance.values['CONNECT_PASSWORD']}\n"
    logins = write_private(folder / "logins.properties", login)
    jaas = f'KafkaConnect {{ {LOGIN_MODULE} required file="{logins}"; }};\n'
    options = [f"-Djava.security.auth.login.config={write_private(folder / 'jaas.conf', jaas)}"]
    port = str(instance.port("CONNECT_URL"))
    worker = instance.render(HERE / "worker.properties", folder / "worker.properties", PORT=port)
    wait_for_port(instance.port("KAFKA_BOOTSTRAP_SERVERS"))
    heap = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC"]
    return Command(
        [java(), *heap, LOG4J, *options, "-cp", f"{connect_jars()}/*", WORKER, str(worker)],
        {"POSTGRES_PASSWORD": unquote(urlsplit(instance.values["POSTGRES_DSN"]).password or "")},
    )
