"""One thing to install: complete or not there at all, and filled once, whoever asks for it.

It is filled beside its final place and renamed at the end. Who asks while another process fills it
waits, and shows what that one's tool says. What the tool said stays beside the place, as does the
reason of a failure until the next try.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import LakeproofError

POLL_SECONDS = 1
LAST = ["nice", "-n", "19"]  # everything else comes first
# Go needs no C compiler, and its own collects its garbage less often, for more memory.
GO = {"CGO_ENABLED": "0", "GOGC": "400"}
Show = Callable[[str], object]


class InstallFailed(LakeproofError):
    """A download or build did not succeed; nothing half-made was left behind."""


@dataclass(frozen=True)
class Download:
    """Something to install: for whom, with which tool, where to, and the command to fill a folder.

    What joins `late` steps back for everything else while it is built.
    """

    service: str
    what: str
    tool: str
    place: Path
    fill: Callable[[Path], list[str]]
    late: bool = False

    @property
    def log(self) -> Path:
        """What the tool said, of the last try."""
        return self.place.with_name(f"{self.place.name}.log")

    @property
    def failure(self) -> str:
        """Why the last try failed; "" if it did not, or if another one has begun."""
        try:
            return self.reason.read_text().strip()
        except FileNotFoundError:
            return ""

    @property
    def reason(self) -> Path:
        """The file that says why the last try failed, there only then."""
        return self.place.with_name(f"{self.place.name}.failed")


def install(download: Download, show: Show = lambda line: None) -> None:
    """Fill the place, or leave it as it was; each line that the tool says is shown.

    Raises: InstallFailed with the last lines of the tool.
    """
    download.place.parent.mkdir(parents=True, exist_ok=True)
    with _turn(download, show):
        if download.place.exists():
            return
        download.reason.unlink(missing_ok=True)
        try:
            _fill(download, show)
        except InstallFailed as failure:
            download.reason.write_text(f"{failure}\n")
            raise


@contextmanager
def _turn(download: Download, show: Show) -> Iterator[None]:
    """One process at a time fills a place; two Mavens would write into the same repository."""
    names = [download.place.name, *(["mvn"] if download.tool == "mvn" else [])]
    with ExitStack() as stack:
        for name in names:
            lock = stack.enter_context((download.place.parent / f".{name}.lock").open("w"))
            _wait_for(lock.fileno(), download.log, show)
        yield


def _wait_for(lock: int, log: Path, show: Show) -> None:
    shown = 0
    while not _taken(lock):
        lines = log.read_text().splitlines() if log.exists() else []
        for line in lines[shown:]:
            show(line)
        shown = len(lines)
        time.sleep(POLL_SECONDS)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _fill(download: Download, show: Show) -> None:
    draft = Path(tempfile.mkdtemp(prefix=".installing-", dir=download.place.parent))
    try:
        _run(download, draft, show)
        if not any(draft.iterdir()):
            raise InstallFailed(f"{download.what}: the installer put nothing into {draft}.")
        draft.chmod(0o755)
        draft.rename(download.place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _run(download: Download, draft: Path, show: Show) -> None:
    command = download.fill(draft)
    if shutil.which(command[0]) is None:
        raise InstallFailed(f"{command[0]} is not installed. `make doctor` says how.")
    said: list[str] = []
    with (
        download.log.open("w") as log,
        subprocess.Popen(
            [*(LAST if download.late else []), *command],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **GO, "GOBIN": str(draft)},
        ) as tool,
    ):
        for line in tool.stdout or ():
            said.append(line.rstrip())
            print(said[-1], file=log, flush=True)
            show(said[-1])
    if tool.returncode:
        tail = "\n".join(f"  {line}" for line in said[-15:])
        raise InstallFailed(
            f"`{' '.join(command)}` failed:\n{tail}\n"
            f"Is the network up, and is there space? Then run the same make command again."
        )
