"""Which runtime `make up` uses: native processes, or containers where people ask for them.

Source: docs/decisions/containers.md
"""

import shutil
import subprocess
from collections.abc import Callable
from typing import Literal

from jobs.errors import SettingsError

ANSWER_SECONDS = 20


def chosen(wanted: str, engine_answers: Callable[[], bool]) -> Literal["native", "docker"]:
    """The runtime, given what RUNTIME says; nothing said is native.

    Raises: SettingsError if there is no such runtime, or no engine for it.
    """
    if wanted in ("", "native"):
        return "native"
    if wanted != "docker":
        raise SettingsError(
            f"RUNTIME={wanted!r} is no runtime: use docker, native, or leave it out."
        )
    if not engine_answers():
        raise SettingsError(
            "RUNTIME=docker, but `docker compose version` and `docker info` do not both answer. "
            "Install or start Docker Engine with Compose 2.24 or newer, or leave RUNTIME out."
        )
    return "docker"


def engine_answers() -> bool:
    """Whether a container engine with compose answers here."""
    return shutil.which("docker") is not None and all(
        subprocess.run(["docker", *command], capture_output=True, timeout=ANSWER_SECONDS).returncode
        == 0
        for command in (("compose", "version"), ("info",))
    )
