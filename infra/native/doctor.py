"""What keeps the platform from running here, and the command that mends it.

Runs with any Python 3.9 and nothing else: `python3 infra/native/doctor.py`.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHONS = ("python3.11", "python3.12", "python3")
PYTHON_VERSIONS = ((3, 11), (3, 12))
# Hadoop inside Spark 4.1 calls a security API that Java 24 removed.
JAVA_VERSIONS = range(17, 24)
GO_MINIMUM = (1, 24)
GIB = 1 << 30
MEMORY_MINIMUM = 8 * GIB
DISK_MINIMUM = 10 * GIB
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@dataclass(frozen=True)
class Finding:
    """Something wrong and its remedy. What does not stop the start is a mere warning."""

    problem: str
    remedy: str
    stops: bool = True

    def __str__(self) -> str:
        """Two lines for people."""
        return f"{'missing' if self.stops else 'warning'}  {self.problem}\n         {self.remedy}"


def tools(maven_wanted: bool, go_wanted: bool) -> "list[Finding]":
    """The programs that are missing or of a version that does not work."""
    found = [*_python(), *_java()]
    if maven_wanted and shutil.which("mvn") is None:
        found.append(Finding("Maven, which downloads the jars", _install("maven", "maven")))
    if go_wanted:
        found += _go()
    if os.geteuid() == 0 and sys.platform == "linux" and shutil.which("setpriv") is None:
        problem = "setpriv: PostgreSQL refuses to run as root and needs it to become another user"
        found.append(Finding(problem, _install("util-linux", "")))
    return found


def browser() -> "list[Finding]":
    """A warning if there is no browser, in which only `make test` looks at the console."""
    if any(map(shutil.which, BROWSERS)):
        return []
    remedy = _install("chromium", "--cask chromium")
    return [Finding("Chromium, which only make test needs", remedy, False)]


def resources() -> "list[Finding]":
    """Warnings about memory and disk space."""
    found = []
    memory = _available_memory()
    if memory is not None and memory < MEMORY_MINIMUM:
        problem = f"only {memory / GIB:.1f} GiB of memory are available, the services want 8"
        found.append(Finding(problem, "Close other programs, or give the machine more.", False))
    free = shutil.disk_usage(ROOT).free
    if free < DISK_MINIMUM:
        problem = f"only {free / GIB:.1f} GiB of disk are free below {ROOT}, the platform wants 10"
        found.append(Finding(problem, "Delete something; `make reset` frees old state.", False))
    return found


def failures(of: "dict[str, str]") -> "list[Finding]":
    """Warnings about what could not be installed the last time, by what it is; "" is no failure."""
    remedy = "`make up` tries again."
    return [
        Finding(f"{what} could not be installed: {failure}", remedy, False)
        for what, failure in of.items()
        if failure
    ]


def ports(wanted: "dict[str, int]", state: str = "") -> "list[Finding]":
    """The wanted ports that others hold; processes marked with the state folder are no others."""
    from infra.native.sockets import environment_has, holder

    found = []
    for key, port in wanted.items():
        if is_free(port):
            continue
        pid, command = holder(port)
        if pid and state and environment_has(pid, f"LAKEPROOF_STATE={state}"):
            continue
        who = f"process {pid} ({command})" if pid else "a process of another user"
        remedy = f"End it (`kill {pid}`)" if pid else "Find it (`sudo ss -ltnp`) and end it"
        remedy += f", or choose another port at {key} in the env file."
        found.append(Finding(f"port {port} for {key}: {who} listens there", remedy))
    return found


def is_free(port: int) -> bool:
    """Whether a service could listen on the port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def main() -> int:
    """Print every finding; 1 if one of them stops the start."""
    sys.path.insert(0, str(ROOT))
    from infra.native import creation, install, instance, keys, surface
    from jobs.errors import LakeproofError
    from jobs.settings import env_file, state_dir

    lacking = install.missing()
    wanted = {download.tool for download in lacking}
    found = [*tools("mvn" in wanted, "go" in wanted), *browser(), *resources()]
    found += failures({download.what: download.failure for download in lacking})
    try:
        name = instance.current_name()
        if env_file(name).exists():
            existing = instance.load(name)
            found += ports(existing.ports(), str(state_dir(name)))
            listening = surface.listeners(existing)
            found += surface.findings(existing, listening)
            print(surface.summary(existing, listening))
        elif name == "main":
            found += ports(keys.ports(keys.new_values(0, creation.wanted_brokers() or 1)))
    except LakeproofError as error:
        found.append(Finding(str(error), "See above."))
    for finding in found:
        print(finding)
    if not found:
        print("Nothing is missing: `make up` can start.")
    return int(any(finding.stops for finding in found))


def _python() -> "list[Finding]":
    for name in PYTHONS:
        version = _numbers(words_of([name, "--version"]))
        if version in PYTHON_VERSIONS:
            return _pip(name)
    apt = "python3.11 python3.11-venv || {apt} python3.12 python3.12-venv"
    return [Finding("Python 3.11 or 3.12", _install(apt, "python@3.11"))]


def _pip(python: str) -> "list[Finding]":
    has_uv = shutil.which("uv") is not None or (ROOT / ".venv" / "bin" / "python").exists()
    if has_uv or words_of([python, "-c", "import ensurepip; print('yes')"]):
        return []
    package = f"{python}-venv"
    return [Finding(f"{package}: without it {python} cannot make an environment",
                    _install(package, python.replace("python", "python@")))]  # fmt: skip


def _java() -> "list[Finding]":
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home) / "bin" / "java") if home else "java"
    output = words_of([command, "-version"])
    numbers = _numbers(output.partition('"')[2])
    if numbers and numbers[0] in JAVA_VERSIONS:
        return []
    what = f"Java 17 or 21; {command} is {output.splitlines()[0]}" if output else "Java 17 or 21"
    apt = "openjdk-17-jdk-headless || {apt} openjdk-21-jdk-headless"
    return [Finding(what, _install(apt, "openjdk@17"))]


def _go() -> "list[Finding]":
    version = _numbers(words_of(["go", "version"]).partition(" go")[2])
    if version >= GO_MINIMUM:
        return []
    remedy = _install("golang-go", "go")
    if sys.platform != "darwin":
        remedy += "  (Debian 13, Ubuntu 25.04 or later; before: https://go.dev/doc/install)"
    return [Finding("Go 1.24 or later: MinIO and Prometheus are built from source", remedy)]


def _install(apt: str, brew: str) -> str:
    if sys.platform == "darwin":
        return f"brew install {brew}"
    command = f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install -y"
    return f"{command} {apt.format(apt=command)}"


def words_of(command: "list[str]") -> str:
    """What the command says, on either stream; nothing if it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout + done.stderr


def _numbers(text: str) -> "tuple[int, ...]":
    match = re.search(r"(\d+)(?:\.(\d+))?", text)
    return tuple(int(part) for part in match.groups() if part) if match else ()


def _available_memory() -> "int | None":
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        match = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())
        return int(match.group(1)) * 1024 if match else None
    total = words_of(["sysctl", "-n", "hw.memsize"]).strip()
    return int(total) if total else None


if __name__ == "__main__":
    sys.exit(main())
