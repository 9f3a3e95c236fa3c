"""The classes that a Spark server has loaded, kept for those started later on this machine.

A new server reads, checks and links 40,000 classes, most of them in its first minutes. From an
archive of classes it does not. Source: JDK 17, `jcmd VM.cds`; measured in
docs/decisions/small-runs.md
"""

import subprocess
import sys
from pathlib import Path

from infra.native import supervise
from infra.native.command import java
from infra.native.install import spark_jars
from infra.native.instance import Instance, digest
from jobs.errors import LakeproofError
from jobs.patience import told_of


def option(home: Path) -> str:
    """The server's option: take classes from the archive, or else be able to make it.

    Raises: LakeproofError if there is no Java.
    """
    kept = archive(home)
    return f"-XX:SharedArchiveFile={kept}" if kept.exists() else "-XX:+RecordDynamicDumpInfo"


def archive(home: Path) -> Path:
    """Where the archive is, or would be, for these jars and this Java, beside pyspark's own jars.

    Java takes classes only from an archive made with the same jars at the same places.
    """
    files = [Path(java()).resolve(), *spark_jars().iterdir(), *(home / "jars").iterdir()]
    named = (f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in sorted(files))
    return Path(sys.prefix) / f"spark-classes-{digest(*named)}.jsa"


def no_settings() -> Path:
    """An empty folder, the one on the server's class path, where Spark would look for settings.

    Java keeps no classes of a class path with files in a folder, and takes kept ones only for the
    class path they were kept with. So the folder is no instance's own.
    """
    folder = Path(sys.prefix) / "spark-no-settings"
    folder.mkdir(exist_ok=True)
    return folder


def keep_classes(instance: Instance, home: Path) -> bool:
    """Whether the running server's classes were kept now.

    False if there was an archive already, or if there is no server that is a process of ours.

    Raises: LakeproofError with Java's words if it cannot.
    """
    kept = archive(home)
    if kept.exists() or not supervise.is_running(instance):
        return False
    pid = supervise.pid(instance, "spark")
    if not pid:
        return False  # to jcmd, 0 is every Java on this machine
    draft = kept.with_suffix(f".{pid}.unfinished")
    draft.unlink(missing_ok=True)
    jcmd = str(Path(java()).resolve().with_name("jcmd"))
    command = [jcmd, str(pid), "VM.cds", "dynamic_dump", str(draft)]
    with told_of("Spark's loaded classes to be written"):
        done = subprocess.run(command, capture_output=True, text=True)
    if not draft.exists():
        raise LakeproofError(f"Spark's classes could not be kept:\n{done.stdout}{done.stderr}")
    draft.rename(kept)
    return True
