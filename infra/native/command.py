"""What a launcher hands to the operating system."""

import os
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from jobs.errors import LakeproofError

LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Command:
    """A program with its arguments and how its environment differs from the instance's.

    One with a `niceness` steps back for those without: 19 is all the way.
    """

    arguments: list[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    niceness: int = 0

    def run_instead_of_this(self, environment: Mapping[str, str]) -> NoReturn:
        """Become the program: signals of the supervisor reach it without a process between."""
        kept = {key: value for key, value in environment.items() if key not in self.without}
        os.nice(self.niceness)
        os.execvpe(self.arguments[0], self.arguments, {**kept, **self.variables})


def java() -> str:
    """The Java launcher of JAVA_HOME, or else of PATH.

    Raises: LakeproofError if there is none.
    """
    if home := os.environ.get("JAVA_HOME"):
        return str(Path(home) / "bin" / "java")
    if found := shutil.which("java"):
        return found
    raise LakeproofError("No java on PATH and no JAVA_HOME. `make doctor` says how to get one.")


def wait_for_port(port: int) -> None:
    """Return when the port accepts connections.

    A service waits for one it needs without end: who waits for both gives up when neither moves.
    """
    while not accepts(port):
        time.sleep(LOOK_SECONDS)


def accepts(port: int) -> bool:
    """Whether something accepts connections on the loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
