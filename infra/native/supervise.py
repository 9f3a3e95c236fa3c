"""The supervisor of an instance: its configuration, start, end and what it knows."""

import configparser
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, cast
from xmlrpc.client import Fault, ProtocolError, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from infra.native.instance import Instance, digest, write_private
from infra.native.launch import NOT_INSTALLED
from infra.native.services import Service
from jobs.errors import LakeproofError
from jobs.patience import Awaited, await_progress
from jobs.settings import ROOT

LOOKS_SECONDS = (0.05, 0.5)
TIERS = {"store": 10, "compute": 20}
TEMPLATES = ("*.conf", "*.properties", "*.env", "*.yml", "airflow_local_settings.py", "native.py")
GLOBAL = """\
; {fingerprint}
[supervisord]
logfile={logs}/supervisord.log
pidfile={state}/supervisord.pid
childlogdir={logs}
directory={root}
umask=022
{user}
[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[eventlistener:watchdog]
command={python} -m infra.native.watchdog
events=TICK_5
stderr_logfile={logs}/watchdog.log

"""
PROGRAM = """\
[program:{name}]
command={python} -m infra.native.launch {name}
priority={priority}
startsecs={starting_seconds}
startretries=3
autorestart=unexpected
exitcodes={not_installed}
stopsignal={stop_signal}
stopwaitsecs=25
stopasgroup={as_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1

"""


@dataclass(frozen=True)
class Process:
    """What the supervisor knows of a service. `pid` is 0 while it does not run."""

    name: str
    state: str
    pid: int
    started_at: int
    exit_status: int

    @property
    def lacks_its_part(self) -> bool:
        """Whether it ended for want of what could not be installed."""
        return not self.pid and self.exit_status == NOT_INSTALLED


def configuration(instance: Instance) -> str:
    """The text of supervisord.conf.

    A tier is one group: the supervisor ends groups one after the other, but the programs of a
    group all at once. The fingerprint covers all a running service would not notice by itself.
    """
    text = GLOBAL.format(
        fingerprint=_fingerprint(instance),
        logs=_escape(instance.folder("logs")),
        state=_escape(instance.state),
        root=_escape(ROOT),
        python=_escape(quote(sys.executable)),
        socket=_escape(_socket_path(instance)),
        user="user=root\n" if os.geteuid() == 0 else "",
    )
    text += "".join(_program(instance, service) for service in instance.services)
    for tier, priority in TIERS.items():
        members = ",".join(service.name for service in instance.services if service.tier == tier)
        text += f"[group:{tier}]\nprograms={members}\npriority={priority}\n\n"
    return text


def is_current(instance: Instance) -> bool:
    """Whether the running supervisor was started with what is configured now."""
    path = _configuration_file(instance)
    return path.exists() and path.read_text() == configuration(instance)


def start(instance: Instance) -> None:
    """Start the supervisor and with it every service.

    Raises: LakeproofError if it does not start; StandsStill if it does not answer.
    """
    path = write_private(_configuration_file(instance), configuration(instance))
    done = subprocess.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(path)],
        env=instance.environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LakeproofError(f"The supervisor did not start:\n{done.stdout}{done.stderr}")
    log = instance.folder("logs") / "supervisord.log"
    awaited = Awaited(lambda: f"the supervisor to answer; its log is {log}")
    await_progress(lambda: is_running(instance), awaited, LOOKS_SECONDS)


def is_running(instance: Instance) -> bool:
    """Whether the instance's supervisor answers."""
    try:
        _server(instance).supervisor.getState()
    except (OSError, ProtocolError):
        return False
    return True


def processes(instance: Instance) -> list[Process]:
    """Every service, in the order of the list. The supervisor must be running.

    Raises: LakeproofError if it was started before a service was added.
    """
    answer = cast("list[dict[str, Any]]", _server(instance).supervisor.getAllProcessInfo())
    known = {entry["name"]: entry for entry in answer}
    if new := [service.name for service in instance.services if service.name not in known]:
        raise LakeproofError(
            f"Instance {instance.name} was started before there was {', '.join(new)}: "
            "`make up` starts it again, with its data."
        )
    return [_process(service.name, known[service.name]) for service in instance.services]


def pid(instance: Instance, service: str) -> int:
    """The process id of a service; 0 while it has no process. The supervisor must be running."""
    return {process.name: process.pid for process in processes(instance)}[service]


def start_stopped(instance: Instance) -> None:
    """Start again what has failed or was stopped."""
    server = _server(instance)
    for service, process in zip(instance.services, processes(instance), strict=True):
        if process.state in ("FATAL", "STOPPED", "EXITED"):
            try:
                server.supervisor.startProcess(f"{service.tier}:{service.name}", False)
            except Fault as fault:
                raise LakeproofError(f"{service.name} cannot be started: {fault}") from None


def stop(instance: Instance, service: str) -> None:
    """Stop one service; it stays so until `start_stopped` or the next `up`."""
    (tier,) = (each.tier for each in instance.services if each.name == service)
    _server(instance).supervisor.stopProcess(f"{tier}:{service}", True)


def supervisor_pid(state: Path) -> int | None:
    """The process id the supervisor left when it started, which may be out of date."""
    path = state / "supervisord.pid"
    return int(path.read_text()) if path.exists() else None


def log_file(instance: Instance, service: str) -> Path:
    """The file with what a service prints."""
    return instance.state / "logs" / f"{service}.log"


def _program(instance: Instance, service: Service) -> str:
    return PROGRAM.format(
        name=service.name,
        python=_escape(quote(sys.executable)),
        priority=TIERS[service.tier],
        starting_seconds=service.starting_seconds,
        not_installed=NOT_INSTALLED,
        stop_signal=service.stop_signal,
        # Postgres ends its own processes; a signal to them as well would look like a crash.
        as_group=str(service.name != "postgres").lower(),
        log=_escape(log_file(instance, service.name)),
    )


def _process(name: str, entry: dict[str, Any]) -> Process:
    state, pid = entry["statename"], entry["pid"]
    return Process(name, state, pid, entry["start"], entry["exitstatus"])


def _server(instance: Instance) -> ServerProxy:
    # The file, not a fresh guess: TMPDIR may differ between the shells of `up` and `status`.
    parser = configparser.RawConfigParser()
    parser.read(_configuration_file(instance))
    socket = parser.get("unix_http_server", "file", fallback="/nonexistent").replace("%%", "%")
    transport = SupervisorTransport(None, None, f"unix://{socket}")
    return ServerProxy("http://127.0.0.1", transport=transport)


def _configuration_file(instance: Instance) -> Path:
    return instance.state / "supervisord.conf"


def _socket_path(instance: Instance) -> Path:
    """A short path: a socket's may have 107 characters, which a clone deep in a tree exceeds.

    Raises: LakeproofError if somebody else owns the folder, who could then control us.
    """
    folder = Path(tempfile.gettempdir()) / f"lakeproof-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077 or not folder.is_dir():
        raise LakeproofError(f"{folder} is not a private folder of ours. Remove it, then retry.")
    return folder / f"{digest(str(instance.state))}.sock"


def _fingerprint(instance: Instance) -> str:
    files = sorted(path for pattern in TEMPLATES for path in (ROOT / "infra").glob(f"*/{pattern}"))
    texts = [path.read_text() for path in files]
    return digest(*texts, *(f"{key}={value}" for key, value in instance.values.items()))


def _escape(value: object) -> str:
    return str(value).replace("%", "%%")
