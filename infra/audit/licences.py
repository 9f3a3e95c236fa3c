"""The licence of everything that is installed, by its own words or else by licences.yml.

A thing may be used under any one of the licences it offers, so one that offers the GPL beside a
licence with fewer conditions is of the latter kind; one that is under several at once is not.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import Distribution, distributions
from pathlib import Path

import yaml
from packaging.utils import canonicalize_name

from infra.audit import jars, lock
from infra.audit.verdict import Verdict, failed, not_checked, passed
from infra.native.install import modules_file
from jobs.settings import ROOT

CHECK = "licences"
MODULES_CHECK = "licences of the modules in MinIO"
LIST = ROOT / ".state" / "licences.txt"
SETTLED = Path(__file__).with_name("licences.yml")
COPYLEFT = re.compile(r"\bA?GPL|affero|gnu general public", re.IGNORECASE)
OTHERS = re.compile(
    r"apache|\bMIT|\bBSD|\bISC\b|\bMPL|mozilla|\bLGPL|lesser general|\bEPL|eclipse|\bPSF|python|"
    r"artistic|unlicense|\bCC0|public.?domain|\bCDDL|common development and distribution|unicode",
    re.IGNORECASE,
)
BUNDLE_LICENCE = re.compile(r"^Bundle-License: (.*)$", re.MULTILINE)
POM = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.xml")
LICENCE_FILE = re.compile(r"(.*/)?LICEN[CS]E(\.txt|\.md)?", re.IGNORECASE)
BEGINNING = 160


@dataclass(frozen=True)
class Licensed:
    """Something installed, what it is part of, and the licence in its own words, if it has any."""

    name: str
    part_of: str
    licence: str


@dataclass(frozen=True)
class Settled:
    """The licence that somebody found out, of all things whose names fit the pattern."""

    things: str
    licence: str
    reason: str

    def __post_init__(self) -> None:
        if not all((self.things, self.licence, self.reason)):
            raise ValueError(f"{SETTLED}: {self} must have things, licence and reason.")

    def fits(self, thing: Licensed) -> bool:
        """Whether the thing is one of these."""
        return fnmatch(thing.name, self.things)


def verdicts() -> list[Verdict]:
    """Whether each licence is known and settled, of all but what Go compiled into MinIO."""
    step = "`go-licenses report` in a checkout of MinIO lists them"
    modules = not_checked(MODULES_CHECK, "a binary does not hold its modules' licences", step)
    absent = [str(folder()) for folder in jars.FOLDERS.values() if not folder().exists()]
    if absent:
        reason = f"jars are not installed: {', '.join(absent)}"
        return [not_checked(CHECK, reason, "`make up` installs them"), modules]
    minio = Licensed(modules_file("minio").read_text().strip(), "minio", "")
    things = [*python_packages(), *all_jars(), minio]
    settled = [Settled(**entry) for entry in yaml.safe_load(SETTLED.read_text())]
    LIST.parent.mkdir(exist_ok=True)
    LIST.write_text(listed(things, settled))
    return [judge(things, settled), modules]


def judge(things: list[Licensed], settled: list[Settled]) -> Verdict:
    """The verdict on these things. What is said of things that are not installed is wrong too."""
    findings = [fault for thing in things if (fault := _fault(thing, settled))]
    for entry in settled:
        if not any(map(entry.fits, things)):
            findings.append(f"{SETTLED.name} names {entry.things}, which is not installed")
    if findings:
        step = f"find out, and say it with the reason in {SETTLED.name}"
        return failed(CHECK, f"{len(findings)} are not settled", step, findings)
    strict = [f"{e.things} {e.licence} ({e.reason})" for e in settled if is_copyleft(e.licence)]
    listing = f"{len(things)} known, listed in {LIST}"
    return passed(CHECK, f"{listing}; under the GPL's kind: {'; '.join(strict) or 'none'}")


def is_copyleft(licence: str) -> bool:
    """Whether these words leave nothing but the GPL or AGPL, alone or together with others."""
    together = " AND " in licence
    return bool(COPYLEFT.search(licence)) and (together or not OTHERS.search(licence))


def listed(things: list[Licensed], settled: list[Settled]) -> str:
    """A line for each thing: what it is part of, its name, its licence."""
    lines = {
        f"{thing.part_of}\t{thing.name}\t{entry.licence if entry else thing.licence}\n"
        for thing in things
        for entry in [_entry(thing, settled)]
    }
    return "".join(sorted(lines))


def python_packages() -> Iterator[Licensed]:
    """The packages of the lock that are installed here; some are for other systems only."""
    locked = {(package["name"], package["version"]) for package in lock.packages(lock.read())}
    for package in distributions():
        if (canonicalize_name(package.metadata["Name"]), package.version) in locked:
            name = f"{package.metadata['Name']}=={package.version}"
            yield Licensed(name, "python", python_licence(package))


def python_licence(package: Distribution) -> str:
    """The licence in a package's metadata: its expression, else its classifiers, else its field."""
    metadata = package.metadata
    classifiers = [
        words.rpartition(" :: ")[2]
        for words in metadata.get_all("Classifier") or []
        if words.startswith("License ::") and words != "License :: OSI Approved"
    ]
    expression = metadata["License-Expression"] if "License-Expression" in metadata else ""
    field = metadata["License"] if "License" in metadata else ""
    return expression or "; ".join(classifiers) or " ".join(field.split())[:BEGINNING]


def all_jars() -> Iterator[Licensed]:
    """The jars of every pom."""
    for pom, folder in jars.FOLDERS.items():
        for name in jars.sums_of(folder()):
            if name.endswith(".jar"):
                path = folder() / name
                yield Licensed(path.name, pom.parent.name, jar_licence(path))


def jar_licence(path: Path) -> str:
    """The licence in a jar: that of its manifest, else of its only pom, else a file's beginning."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if "META-INF/MANIFEST.MF" in names:
            manifest = archive.read("META-INF/MANIFEST.MF").decode(errors="replace")
            unfolded = manifest.replace("\r\n", "\n").replace("\n ", "")
            if found := BUNDLE_LICENCE.search(unfolded):
                return found[1][:BEGINNING]
        poms = [name for name in names if POM.fullmatch(name)]
        if len(poms) == 1:
            pom = archive.read(poms[0]).decode(errors="replace")
            if block := re.search(r"<licenses>(.*?)</licenses>", pom, re.DOTALL):
                return "; ".join(re.findall(r"<name>\s*(.*?)\s*</name>", block[1]))
        files = [name for name in names if LICENCE_FILE.fullmatch(name)]
        text = archive.read(files[0]).decode(errors="replace") if files else ""
        return " ".join(text.split())[:BEGINNING]


def _entry(thing: Licensed, settled: list[Settled]) -> Settled | None:
    return next((entry for entry in settled if entry.fits(thing)), None)


def _fault(thing: Licensed, settled: list[Settled]) -> str:
    if _entry(thing, settled):
        return ""
    if is_copyleft(thing.licence):
        return f"{thing.name} of {thing.part_of} is under {thing.licence}"
    if not OTHERS.search(thing.licence):
        return f"{thing.name} of {thing.part_of}: {thing.licence or 'says nothing'}"
    return ""
