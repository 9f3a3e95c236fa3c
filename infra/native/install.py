"""What the services need beyond Python: jars and Go programs, in a cache outside the tree.

Everything is installed beside its final place and renamed at the end, so that what is there
is complete. The name holds a digest of what was asked for: a new version is a new folder.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from infra.native.instance import digest
from jobs.errors import LakeproofError
from jobs.settings import ROOT

SPARK_POM = ROOT / "infra" / "spark" / "pom.xml"
KAFKA_POM = ROOT / "infra" / "kafka" / "pom.xml"
CONNECT_POM = ROOT / "infra" / "connect" / "pom.xml"
REGISTRY_POM = ROOT / "infra" / "registry" / "pom.xml"
MODULES = ROOT / "infra"
# Each is built of the modules in infra/<name>/version.txt, whose lines are the arguments of
# `go install`, unless it is on PATH.
GO_PROGRAMS = {
    "minio": "MinIO, built from source (about 3 minutes)",
    "prometheus": "Prometheus, built from source (about 4 minutes)",
    "alertmanager": "Alertmanager, built from source (about 1 minute)",
}


class InstallFailed(LakeproofError):
    """A download or build did not succeed; nothing half-made was left behind."""


@dataclass(frozen=True)
class Download:
    """Something to install: with which tool, where to, and the command that fills a folder."""

    what: str
    tool: str
    place: Path
    fill: Callable[[Path], list[str]]


def cache_folder() -> Path:
    """Where downloads are kept for every clone and instance."""
    return Path(os.environ.get("LAKEPROOF_CACHE") or "~/.cache/lakeproof").expanduser().absolute()


def spark_jars() -> Path:
    """The folder of the jars Spark needs beyond those of pyspark."""
    return _jars(SPARK_POM)


def kafka_jars() -> Path:
    """The folder of the broker's jars."""
    return _jars(KAFKA_POM)


def connect_jars() -> Path:
    """The folder of the jars of Kafka Connect and Debezium."""
    return _jars(CONNECT_POM)


def registry_folder() -> Path:
    """The folder of the schema registry, unpacked."""
    return _jars(REGISTRY_POM)


def go_program(name: str, of: str = "") -> Path:
    """The program on PATH, or else the one built into the cache, perhaps of another's modules."""
    return Path(shutil.which(name) or _built(of or name) / name)


def modules_file(name: str) -> Path:
    """The file that pins what a Go program is built of."""
    return MODULES / name / "version.txt"


def missing() -> list[Download]:
    """What is not installed yet."""
    jars = (("Spark's jars (78 MB)", SPARK_POM), ("Kafka's jars (54 MB)", KAFKA_POM),
            ("Kafka Connect's and Debezium's jars (41 MB)", CONNECT_POM))  # fmt: skip
    wanted = [Download(what, "mvn", _jars(pom), partial(_maven, pom)) for what, pom in jars]
    what = "the schema registry (109 MB)"
    wanted.append(Download(what, "mvn", registry_folder(), _unpack_registry))
    for name, what in GO_PROGRAMS.items():
        if shutil.which(name) is None:
            wanted.append(Download(what, "go", _built(name), partial(go_install, _modules(name))))
    return [download for download in wanted if not download.place.exists()]


def install_missing() -> None:
    """Install what is not there, a line per step: Maven waits for the network while Go compiles.

    One tool does one thing at a time: two Mavens would write into the same local repository.
    Raises: InstallFailed with the last lines of the tool that failed, once the other is done.
    """
    wanted = groupby(missing(), key=lambda download: download.tool)
    with ThreadPoolExecutor() as threads:
        list(threads.map(_install_each, [list(downloads) for _, downloads in wanted]))


def _install_each(downloads: list[Download]) -> None:
    for download in downloads:
        print(f"installing  {download.what} ...", flush=True)
        started = time.monotonic()
        install(download)
        print(f"installed   {download.place} ({time.monotonic() - started:.0f} s)", flush=True)


def install(download: Download) -> None:
    """Fill the place, or leave it as it was.

    Raises: InstallFailed with the last lines of the tool.
    """
    download.place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".installing-", dir=download.place.parent))
    try:
        _run(download.fill(draft), {"GOBIN": str(draft)})
        if not any(draft.iterdir()):
            raise InstallFailed(f"{download.what}: the installer put nothing into {draft}.")
        draft.chmod(0o755)
        draft.rename(download.place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _run(command: list[str], variables: dict[str, str]) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables},
        )
    except FileNotFoundError:
        raise InstallFailed(f"{command[0]} is not installed. `make doctor` says how.") from None
    except subprocess.CalledProcessError as failure:
        tail = "\n".join(f"  {line}" for line in failure.stdout.splitlines()[-15:])
        raise InstallFailed(
            f"`{' '.join(command)}` failed:\n{tail}\n"
            f"Is the network up, and is there space? Then run the same make command again."
        ) from None


def _maven(pom: Path, folder: Path) -> list[str]:
    return ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies",
            "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]  # fmt: skip


def _unpack_registry(folder: Path) -> list[str]:
    return ["mvn", "-q", "-B", "-f", str(REGISTRY_POM),
            "dependency:unpack", f"-DoutputDirectory={folder}"]  # fmt: skip


def go_install(modules: str, _folder: Path) -> list[str]:
    """The command that builds programs of pinned modules; GOBIN tells it where to put them."""
    return ["go", "install", *modules.split()]


def _jars(pom: Path) -> Path:
    return cache_folder() / f"jars-{pom.parent.name}-{digest(pom.read_text())}"


def _built(name: str) -> Path:
    return cache_folder() / f"{name}-{digest(_modules(name))}"


def _modules(name: str) -> str:
    return modules_file(name).read_text()
