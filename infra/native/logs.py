"""What the services printed."""

import os
from pathlib import Path
from typing import NoReturn

from infra.native.instance import Instance
from infra.native.supervise import log_file
from jobs.errors import LakeproofError

LINES = 100
TAIL_BYTES = 65_536


def last_lines(path: Path, count: int) -> list[str]:
    """The end of a log; nothing if it was never written."""
    if not path.exists():
        return ["(nothing was printed)"]
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-count:]


def show(instance: Instance, service: str, follow: bool) -> NoReturn:
    """Become `tail` on one service's log, or on all of them.

    Raises: LakeproofError if there is no such service or no log yet.
    """
    names = [each.name for each in instance.services]
    if service and service not in names:
        raise LakeproofError(f"There is no service {service!r}; there are {', '.join(names)}.")
    files = [log_file(instance, name) for name in names if service in ("", name)]
    found = [str(path) for path in files if path.exists()]
    if not found:
        raise LakeproofError(f"{instance.name} has no logs yet. Start it with `make up`.")
    os.execvp("tail", ["tail", "-n", str(LINES), *(["-F"] if follow else []), *found])
