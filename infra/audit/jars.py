"""The jars are those that were looked at when their sums were committed, byte for byte.

`infra/<service>/jars.sha256` can also be given to `sha256sum -c` in the folder of the jars.
"""

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.audit.verdict import Verdict, failed, not_checked, passed
from infra.native import install as parts
from infra.native.download import install

FOLDERS = {
    parts.SPARK_POM: parts.spark_jars,
    parts.KAFKA_POM: parts.kafka_jars,
    parts.CONNECT_POM: parts.connect_jars,
    parts.REGISTRY_POM: parts.registry_folder,
}
POM_LINE = "# sha256 of pom.xml: "
# Left over from unpacking the registry's archive; no Java reads them.
LEFTOVERS = ("PaxHeaders.X", "markers")
REFRESH = "`.venv/bin/python -m infra.audit jars` after you looked at what changed"


def verdicts() -> list[Verdict]:
    """For each pom, whether the installed jars are those of the committed sums."""
    return [judge(pom, folder()) for pom, folder in FOLDERS.items()]


def judge(pom: Path, folder: Path) -> Verdict:
    """Whether a pom's sums are there, are of this pom, and are those of the folder's files."""
    check = f"checksums of {pom.parent.name}'s jars"
    sums = pom.with_name("jars.sha256")
    if not sums.exists():
        return failed(check, f"{sums.name} is missing beside {pom}", REFRESH)
    text = sums.read_text()
    if not text.startswith(f"{POM_LINE}{_sha256(pom)}\n"):
        return failed(check, f"{pom} changed after {sums.name} was written", REFRESH)
    if not folder.exists():
        return not_checked(check, "they are not installed here", "`make up` installs them")
    expected = parse(text)
    findings = list(differences(expected, sums_of(folder)))
    if findings:
        step = f"delete {folder} and run `make up`; if they differ still, find out why"
        return failed(check, f"{len(findings)} files are not what was expected", step, findings)
    return passed(check, f"{len(expected)} files are those of {sums.name}")


def refresh() -> Iterator[Path]:
    """The files of sums, written anew from the installed jars.

    Raises: InstallFailed if jars that are not there cannot be installed.
    """
    places = {folder() for folder in FOLDERS.values()}
    for download in parts.missing():
        if download.place in places:
            install(download)
    for pom, folder in FOLDERS.items():
        yield write_sums(pom, folder())


def write_sums(pom: Path, folder: Path) -> Path:
    """The file of sums beside the pom, of the files in the folder."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums_of(folder).items())]
    target = pom.with_name("jars.sha256")
    target.write_text(f"{POM_LINE}{_sha256(pom)}\n" + "".join(lines))
    return target


def parse(text: str) -> dict[str, str]:
    """The sha256 of each file named in a file of sums."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def sums_of(folder: Path) -> dict[str, str]:
    """The sha256 of each file below the folder, by its path in it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    kept = [path for path in files if path.relative_to(folder).parts[0] not in LEFTOVERS]
    with ThreadPoolExecutor() as threads:
        return {
            path.relative_to(folder).as_posix(): digest
            for path, digest in zip(kept, threads.map(_sha256, kept), strict=True)
        }


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each file that is missing, was changed, or nobody expects."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing"
        elif name not in expected:
            yield f"{name} is there, but has no sum"
        elif expected[name] != found[name]:
            yield f"{name} has sha256 {found[name]}, not {expected[name]}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
