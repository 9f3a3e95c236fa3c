"""What the services need beyond Python: jars and Go programs, in a cache outside the tree.

The name of each folder holds a digest of what was asked for: a new version is a new folder.

Each service installs its own part when it starts (infra/native/launch.py): none waits for that of
another. `python -m infra.native.install` begins before there are services, with no more than the
Python of the system: what the demo needs is built and downloaded while the packages still come.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from infra.native.download import Download, InstallFailed, install
from infra.native.goprogram import built_from
from infra.native.instance import digest
from jobs.settings import ROOT

SPARK_POM = ROOT / "infra" / "spark" / "pom.xml"
KAFKA_POM = ROOT / "infra" / "kafka" / "pom.xml"
CONNECT_POM = ROOT / "infra" / "connect" / "pom.xml"
REGISTRY_POM = ROOT / "infra" / "registry" / "pom.xml"
MODULES = ROOT / "infra"
# Each is built of the modules in infra/<name>/version.txt, whose lines are the arguments of
# `go install`, unless PATH has just these.
GO_PROGRAMS = {
    "minio": "MinIO, built from source (2 to 4 minutes)",
    "prometheus": "Prometheus, built from source (2 to 5 minutes)",
    "alertmanager": "Alertmanager, built from source (about 1 minute)",
}
# The demo does not need them: they are built beside everything else, and join when they are there.
LATE = ("prometheus", "alertmanager")


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
    """The program on PATH if it is just the one that is pinned, or else the one in the cache.

    Perhaps it is one of the modules of another.
    """
    return _on_path(name, of or name) or _built(of or name) / name


def modules_file(name: str) -> Path:
    """The file that pins what a Go program is built of."""
    return MODULES / name / "version.txt"


def downloads() -> list[Download]:
    """Everything to install, what takes longest first."""
    jars = (("spark", "Spark's jars (78 MB)", SPARK_POM),
            ("kafka", "Kafka's jars (54 MB)", KAFKA_POM),
            ("connect", "Kafka Connect's and Debezium's jars (41 MB)", CONNECT_POM))  # fmt: skip
    what = "the schema registry (109 MB)"
    return [
        *(_go_download(name) for name in GO_PROGRAMS if not _all_on_path(name)),
        *(
            Download(name, told, "mvn", _jars(pom), partial(_maven, pom))
            for name, told, pom in jars
        ),
        Download("registry", what, "mvn", registry_folder(), _unpack_registry),
    ]


def missing() -> list[Download]:
    """What is not installed yet."""
    return [download for download in downloads() if not download.place.exists()]


def part_of(service: str) -> Download | None:
    """What a service still lacks; brokers share a part, and so do Spark's processes."""
    family = service.partition("-")[0]
    return next((download for download in missing() if download.service == family), None)


def moved_at() -> float:
    """When a tool last said something, in seconds since 1970; 0 if none ever did."""
    logs = [download.log for download in downloads()]
    return max((log.stat().st_mtime for log in logs if log.exists()), default=0.0)


def strangers() -> Iterator[str]:
    """A sentence for each program on PATH that is not used, since it is not the pinned one."""
    for name in GO_PROGRAMS:
        found = shutil.which(name)
        if found and not _on_path(name, name):
            what = built_from(Path(found)) or "of no known version"
            yield f"{found} is {what}, not {_pinned(name, name)}: ours is used"


def install_missing() -> None:
    """Install what is not there, a line per step: Maven waits for the network while Go compiles.

    Raises: InstallFailed with the last lines of the tool that failed, once the other is done.
    """
    _install_all(missing())


def main() -> int:
    """0 once all is there that the demo needs; 1 if not, which each service then says itself."""
    try:
        _install_all(download for download in missing() if not download.late)
    except InstallFailed as failure:
        print(failure)
        return 1
    return 0


def _install_all(wanted: Iterable[Download]) -> None:
    tools: dict[str, list[Download]] = {}
    for download in wanted:
        tools.setdefault(download.tool, []).append(download)
    with ThreadPoolExecutor() as threads:
        list(threads.map(_install_each, tools.values()))


def _install_each(downloads: list[Download]) -> None:
    for download in downloads:
        print(f"installing  {download.what} ...", flush=True)
        started = time.monotonic()
        install(download)
        print(f"installed   {download.place} ({time.monotonic() - started:.0f} s)", flush=True)


def _go_download(name: str) -> Download:
    fill = partial(go_install, _modules(name))
    return Download(name, GO_PROGRAMS[name], "go", _built(name), fill, late=name in LATE)


def _all_on_path(name: str) -> bool:
    programs = (each.partition("@")[0].rpartition("/")[2] for each in _packages(name))
    return all(_on_path(program, name) for program in programs)


def _on_path(program: str, of: str) -> Path | None:
    found = shutil.which(program)
    return Path(found) if found and built_from(Path(found)) == _pinned(program, of) else None


def _pinned(program: str, of: str) -> str:
    """The package of the program, with its version."""
    (package,) = (each for each in _packages(of) if each.partition("@")[0].endswith(f"/{program}"))
    return package


def _packages(name: str) -> list[str]:
    return [word for word in _modules(name).split() if not word.startswith("-")]


def _maven(pom: Path, folder: Path) -> list[str]:
    return ["mvn", "-B", "-f", str(pom), "dependency:copy-dependencies",
            "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]  # fmt: skip


def _unpack_registry(folder: Path) -> list[str]:
    return ["mvn", "-B", "-f", str(REGISTRY_POM),
            "dependency:unpack", f"-DoutputDirectory={folder}"]  # fmt: skip


def go_install(modules: str, _folder: Path) -> list[str]:
    """The command that builds programs of pinned modules; GOBIN tells it where to put them.

    It names each package it has compiled, and leaves out what only a debugger reads.
    """
    lean = ["-ldflags=-s -w", "-gcflags=all=-dwarf=false"]
    return ["go", "install", "-v", *lean, *modules.split()]


def _jars(pom: Path) -> Path:
    return cache_folder() / f"jars-{pom.parent.name}-{digest(pom.read_text())}"


def _built(name: str) -> Path:
    return cache_folder() / f"{name}-{digest(_modules(name))}"


def _modules(name: str) -> str:
    return modules_file(name).read_text()


if __name__ == "__main__":
    sys.exit(main())
