"""Airflow's four processes, native."""

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from string import Template

from infra.native.command import Command, wait_for_port
from infra.native.instance import Instance, write_private
from infra.postgres.access import connect, dsn
from jobs.errors import LakeproofError
from jobs.settings import ROOT

HERE = Path(__file__).parent
DATABASE = "airflow"
MIGRATION_LOCK = 727_001


def component(instance: Instance, name: str) -> Command:
    """One of api-server, scheduler, dag-processor, triggerer, on a migrated database."""
    settings = prepare_home(instance)
    wait_for_port(instance.port("POSTGRES_DSN"))
    return migrated(instance, name, settings)


def migrated(instance: Instance, name: str, settings: dict[str, str]) -> Command:
    """The same with these settings; Postgres must be up."""
    _migrate_once(instance, settings)
    # The triggerer would serve logs on all interfaces; the API reads the files itself.
    options = ["--skip-serve-logs"] if name == "triggerer" else []
    program = ["infra.airflow.scheduler"] if name == "scheduler" else ["airflow", name, *options]
    return Command([sys.executable, "-m", *program], settings)


def database(instance: Instance) -> str:
    """The DSN of Airflow's own database, beside the shop's."""
    return dsn(instance, DATABASE)


def prepare_home(instance: Instance) -> dict[str, str]:
    """Airflow's settings, as environment variables; the files they name are there."""
    home = instance.folder("airflow")
    shutil.copy(HERE / "airflow_local_settings.py", instance.folder("airflow", "config"))
    login = {instance.values["AIRFLOW_USER"]: instance.values["AIRFLOW_PASSWORD"]}
    passwords = write_private(home / "passwords.json", json.dumps(login))
    text = Template((HERE / "airflow.env").read_text()).substitute(
        instance.values,
        HOME_FOLDER=home,
        PORT=instance.port("AIRFLOW_URL"),
        PASSWORDS=passwords,
        DAGS=ROOT / "dags",
        PLUGINS=HERE / "plugins",
        DATABASE=database(instance).replace("postgresql://", "postgresql+psycopg2://"),
        ASYNC_DATABASE=database(instance).replace("postgresql://", "postgresql+asyncpg://"),
    )
    lines = (line.partition("=") for line in text.splitlines() if line and line[0] != "#")
    return {key: value for key, _, value in lines}


def _migrate_once(instance: Instance, settings: dict[str, str]) -> None:
    """Migrate the database unless it says it is of this version; the other processes wait.

    Raises: LakeproofError with the migration's output if it fails.
    """
    wanted = f"migrated by {version('apache-airflow-core')}"
    connection = connect(instance, DATABASE)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
    cursor.execute(
        "select shobj_description(oid, 'pg_database') from pg_database where datname = 'airflow'"
    )
    if cursor.fetchone() != (wanted,):
        _migrate(instance, settings)
        cursor.execute("comment on database airflow is %s", [wanted])
    connection.close()


def _migrate(instance: Instance, settings: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env={**instance.environment(), **settings},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LakeproofError(f"`airflow db migrate` failed:\n{done.stdout}{done.stderr}")
