"""MinIO is built from the pinned module and from the modules that were in it when it was pinned.

Go itself compares each module it downloads with its public checksum database, unless told not to.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

from infra.audit import tools
from infra.audit.jars import REFRESH, differences
from infra.audit.verdict import Verdict, failed, not_checked, passed
from infra.native import install

MINIO = "minio"
CHECK = "checksums of MinIO's modules"
SUMS = install.modules_file(MINIO).with_name("modules.sum")
EXEMPTIONS = ("GONOSUMDB", "GOPRIVATE", "GOINSECURE")


def verdict() -> Verdict:
    """Whether MinIO here holds the modules of modules.sum, and Go verifies what it downloads."""
    pinned = install.modules_file(MINIO).read_text().strip().replace("@", " ")
    expected = SUMS.read_text()
    if not expected.startswith(f"{pinned} "):
        return failed(CHECK, f"{SUMS} is not of {pinned}", REFRESH)
    if not install.go_program(MINIO).exists():
        return not_checked(CHECK, "MinIO is not built yet", "`make up` builds it")
    try:
        settings = json.loads(tools.run(["go", "env", "-json", "GOSUMDB", *EXEMPTIONS]))
        found = built(install.go_program(MINIO))
    except tools.ToolUnavailable as failure:
        return not_checked(CHECK, str(failure), "`make doctor` says how to install Go")
    sums = parse(expected)
    findings = [*differences(sums, parse(found)), *unverified(sums, settings)]
    if findings:
        step = f"unset what is named, delete {install.go_program(MINIO).parent} and run `make up`"
        return failed(CHECK, "it is not sure what MinIO is made of", step, findings)
    database = settings["GOSUMDB"].split("+")[0]
    return passed(CHECK, f"its {len(sums)} modules are those of {SUMS.name}; Go asks {database}")


def refresh() -> Path:
    """The file of sums, written anew from the installed MinIO.

    Raises: ToolUnavailable if Go is missing or knows nothing of that program.
    """
    SUMS.write_text(built(install.go_program(MINIO)))
    return SUMS


def built(binary: Path) -> str:
    """A line for each module in the binary: its path, version and hash, itself first.

    Raises: ToolUnavailable if Go is missing or did not build it.
    """
    return lines(tools.run(["go", "version", "-m", str(binary)]))


def lines(description: str) -> str:
    """The same out of what `go version -m` says; a module that replaces another counts for it."""
    rows = [line.split() for line in description.splitlines()]
    modules = [row[1:] for row in rows if row and row[0] in ("mod", "dep", "=>")]
    return "".join(f"{' '.join(module)}\n" for module in modules)


def parse(text: str) -> dict[str, str]:
    """The hash of each module in a file of sums, by its path and version."""
    rows = (line.split() for line in text.splitlines())
    return {f"{path} {version}": " ".join(digest) for path, version, *digest in rows}


def unverified(modules: Iterable[str], settings: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each of Go's settings by which it would download such modules unverified."""
    if settings["GOSUMDB"] == "off":
        yield "GOSUMDB is off: Go verifies no module"
    paths = [module.split()[0] for module in modules]
    for name in EXEMPTIONS:
        for pattern in filter(None, settings[name].split(",")):
            if any(fnmatch(path, pattern) or fnmatch(path, f"{pattern}/*") for path in paths):
                yield f"{name} exempts {pattern} from being verified"
