"""Programs the audit runs and the platform does not need, each pinned.

They stay out of uv.lock: uv and Go keep them in caches of their own. Of what a Python tool itself
needs, nothing younger than TOOLS_AS_OF is taken, so that a tool is the same one every time.
"""

import subprocess
from functools import partial
from pathlib import Path

from infra.native import bootstrap
from infra.native.download import Download, InstallFailed, install
from infra.native.install import cache_folder, go_install
from infra.native.instance import digest
from jobs.errors import LakeproofError
from jobs.settings import ROOT

TOOLS_AS_OF = "2026-11-15T00:00:00Z"
PIP_AUDIT = "pip-audit==2.10.1"
CYCLONEDX = "cyclonedx-python-lib==11.12.0"
# Without its extra for formats, which takes half a second for each of 1,500 addresses.
JSONSCHEMA = "jsonschema==4.26.0"
GITLEAKS = "github.com/zricethezav/gitleaks/v8@v8.30.1"
TIMEOUT_SECONDS = 300


class ToolUnavailable(LakeproofError):
    """A tool of the audit cannot be had or did not answer: what it checks is not checked."""


def uv(*arguments: str) -> list[str]:
    """A command of the uv that installs the packages."""
    return [bootstrap.uv(), *arguments]


def python_tool(packages: tuple[str, ...], *command: str) -> list[str]:
    """A command of pinned Python packages, in an environment of their own."""
    wanted = [word for package in packages for word in ("--with", package)]
    return uv("tool", "run", "--quiet", "--exclude-newer", TOOLS_AS_OF, *wanted, *command)


def gitleaks() -> Path:
    """The secret scanner, built at the first time (40 s) from a module Go's database vouches for.

    Raises: ToolUnavailable if it cannot be built.
    """
    place = cache_folder() / f"gitleaks-{digest(GITLEAKS)}"
    if not place.exists():
        fill = partial(go_install, GITLEAKS)
        try:
            install(Download("gitleaks", "gitleaks", "go", place, fill))
        except InstallFailed as failure:
            raise ToolUnavailable(str(failure)) from failure
    return place / "gitleaks"


def run(command: list[str], *, may_exit: tuple[int, ...] = (0,)) -> str:
    """What the command wrote to its standard output.

    Raises: ToolUnavailable with its last words if it cannot start, ends in any other way, or not.
    """
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired as failure:
        words = f"{Path(command[0]).name} did not end within {TIMEOUT_SECONDS} s"
        raise ToolUnavailable(words) from failure
    except OSError as failure:
        raise ToolUnavailable(f"{command[0]} cannot be started: {failure}") from failure
    if done.returncode not in may_exit:
        words = " ".join((done.stderr.strip() or done.stdout.strip()).split())[-300:]
        raise ToolUnavailable(f"{Path(command[0]).name} ended with {done.returncode}: {words}")
    return done.stdout
