"""Who listens where on this machine, found with nothing but Python."""

import os
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from infra.native.doctor import words_of

LISTENING = "0A"


def holder(port: int) -> "tuple[int, str]":
    """The process that listens on a port, or 0 where we may not see it."""
    if not Path("/proc/net/tcp").exists():
        pid = words_of(["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"]).partition("\n")[0]
        return (int(pid), words_of(["ps", "-o", "command=", "-p", pid]).strip()) if pid else (0, "")
    sockets = {socket for socket, (_, its_port) in listening().items() if its_port == port}
    for process in Path("/proc").glob("[0-9]*"):
        if sockets & open_files(process):
            words = (process / "cmdline").read_bytes().split(b"\0")
            return int(process.name), b" ".join(words).decode(errors="replace").strip()[:120]
    return 0, ""


def listening() -> "dict[str, tuple[str, int]]":
    """The address and port of each listening socket, by the name it has among open files."""
    rows = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
    ]
    return {f"socket:[{row[9]}]": _address(row[1]) for row in rows if row[3] == LISTENING}


def _address(entry: str) -> "tuple[str, int]":
    """`0100007F:1F90` is 127.0.0.1 and 8080: each four bytes are in the machine's order."""
    ip, _, port = entry.partition(":")
    words = [bytes.fromhex(ip[start : start + 8])[::-1] for start in range(0, len(ip), 8)]
    found = ip_address(b"".join(words))
    return str(getattr(found, "ipv4_mapped", None) or found), int(port, 16)


def open_files(process: Path) -> "set[str]":
    """What the files are that a process of /proc has open; nothing if it is gone or not ours."""
    found = set()
    try:
        for entry in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                found.add(os.readlink(entry))
    except OSError:  # the process is gone, or another user's
        return set()
    return found


def environment_has(pid: int, variable: str) -> bool:
    """Whether a process was started with the variable; no if it is gone or not ours."""
    try:
        return variable.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
