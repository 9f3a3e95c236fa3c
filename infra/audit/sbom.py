"""The bill of materials: every Python package, jar and Go module, in CycloneDX 1.5."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyspark

from infra.audit import jars, modules, tools
from infra.audit.verdict import Verdict, failed, not_checked, passed
from infra.native import install
from jobs.settings import ROOT

CHECK = "bill of materials"
PLACE = ROOT / ".state" / "sbom.json"
VALIDATOR = """\
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
fault = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
print(fault.data if fault else "valid")
"""
FILE_NAME = re.compile(r"(?P<name>.+?)-(?P<version>\d.*)\.jar")
Component = dict[str, Any]


def verdict(place: Path = PLACE) -> Verdict:
    """Whether the bill is written, complete, and valid by CycloneDX's own schema."""
    absent = [str(folder()) for folder in jars.FOLDERS.values() if not folder().exists()]
    if absent:
        return not_checked(CHECK, f"jars are not installed: {', '.join(absent)}", "`make up`")
    try:
        bill = make()
    except tools.ToolUnavailable as failure:
        return not_checked(CHECK, str(failure), "make it available, then `make audit` again")
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(bill, indent=1))
    try:
        fault = schema_fault(place)
    except tools.ToolUnavailable as failure:
        reason = f"{place} is written, but not held against the schema: {failure}"
        return not_checked(CHECK, reason, "with a network, `make audit` again")
    if fault:
        return failed(CHECK, f"{place} is not CycloneDX 1.5", "mend infra/audit/sbom.py", [fault])
    return passed(CHECK, f"{len(bill['components'])} components in {place}, CycloneDX 1.5, valid")


def make() -> dict[str, Any]:
    """The bill: what uv says of the lock, the installed jars, and MinIO's modules.

    Raises: ToolUnavailable if uv or Go is missing.
    """
    export = tools.uv("export", "--quiet", "--frozen", "--format", "cyclonedx1.5")
    bill: dict[str, Any] = json.loads(tools.run(export))
    folders = {pom.parent.name: folder() for pom, folder in jars.FOLDERS.items()}
    folders["pyspark"] = Path(pyspark.__file__).parent / "jars"
    for service, folder in folders.items():
        bill["components"] += jar_components(service, folder)
    bill["components"] += go_components(modules.built(install.go_program(modules.MINIO)))
    return bill


def jar_components(service: str, folder: Path) -> Iterator[Component]:
    """A component for each jar in the folder, with its sum, and its address if it names it."""
    for name, digest in sorted(jars.sums_of(folder).items()):
        if not name.endswith(".jar"):
            continue
        group, artifact, version = coordinates(folder / name)
        component: Component = {
            "type": "library",
            "bom-ref": f"{service}/{name}",
            "name": artifact,
            "version": version,
            "hashes": [{"alg": "SHA-256", "content": digest}],
            "properties": [{"name": "lakeproof:service", "value": service}],
        }
        if group:
            component |= {"group": group, "purl": f"pkg:maven/{group}/{artifact}@{version}"}
        yield component


def coordinates(jar: Path) -> tuple[str, str, str]:
    """Group, artifact and version by the jar's own words, else by its name, without a group.

    A jar that swallowed others has the words of all: those of its name count.
    """
    match = FILE_NAME.fullmatch(jar.name)
    name, version = match.group("name", "version") if match else (jar.stem, "")
    with zipfile.ZipFile(jar) as archive:
        for entry in archive.namelist():
            if re.fullmatch(r"META-INF/maven/[^/]+/[^/]+/pom\.properties", entry):
                group, artifact = entry.split("/")[2:4]
                if name in (artifact, f"{group}.{artifact}"):
                    return group, artifact, version
    return "", name, version


def go_components(sums: str) -> Iterator[Component]:
    """A component for each module in MinIO; Go's hash of a module is no plain sum of a file."""
    for path, version, *digest in (line.split() for line in sums.splitlines()):
        yield {
            "type": "library",
            "bom-ref": f"minio/{path}@{version}",
            "name": path,
            "version": version,
            "purl": f"pkg:golang/{path}@{version}",
            "properties": [
                {"name": "lakeproof:service", "value": "minio"},
                {"name": "lakeproof:go-sum", "value": " ".join(digest)},
            ],
        }


def schema_fault(place: Path) -> str:
    """What CycloneDX's own library finds wrong with the file; nothing if it is valid.

    Raises: ToolUnavailable if the library cannot be had.
    """
    packages = (tools.CYCLONEDX, tools.JSONSCHEMA)
    command = tools.python_tool(packages, "python", "-c", VALIDATOR, str(place))
    words = tools.run(command).strip()
    return "" if words == "valid" else words[:500]
