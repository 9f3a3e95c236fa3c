"""The lock file names every Python artefact by its hash, so an index cannot swap one."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from infra.audit.verdict import Verdict, failed, passed
from jobs.settings import ROOT

CHECK = "hashes of Python packages"
LOCK = ROOT / "uv.lock"
SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
INDEX = "https://pypi.org/simple"


def verdict() -> Verdict:
    """Whether uv.lock holds a sha256 for each artefact and no source but the package index."""
    lock = read()
    findings = list(faults(lock))
    if findings:
        step = "lock again with `uv lock`, from the index alone"
        return failed(CHECK, f"{len(findings)} entries of uv.lock can be swapped", step, findings)
    count = sum(len(artefacts(package)) for package in packages(lock))
    return passed(CHECK, f"{count} artefacts of {len(packages(lock))} packages have a sha256")


def read() -> dict[str, Any]:
    """uv.lock, parsed."""
    return tomllib.loads(LOCK.read_text())


def packages(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """The packages of the lock, without the project itself, of which nothing is installed."""
    return [package for package in lock["package"] if package["source"] != {"virtual": "."}]


def artefacts(package: dict[str, Any]) -> list[dict[str, Any]]:
    """The source archive and the wheels of a package."""
    return [*filter(None, [package.get("sdist")]), *package.get("wheels", [])]


def faults(lock: dict[str, Any]) -> Iterator[str]:
    """A sentence for each package from elsewhere, without artefacts, or with one without hash."""
    for package in packages(lock):
        name = f"{package['name']} {package.get('version', '(no version)')}"
        if package["source"] != {"registry": INDEX}:
            yield f"{name} comes from {package['source']}, not from {INDEX}"
        if not artefacts(package):
            yield f"{name} has no artefact"
        for artefact in artefacts(package):
            if not SHA256.fullmatch(artefact.get("hash", "")):
                yield f"{name}: {artefact.get('url', artefact)} has no sha256"
