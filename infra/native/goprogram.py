"""What a Go program is made of, by its own words: Go writes into each of which module it is built.

The numbers that programs print are no help: built from a module, ours print none at all.
"""

import mmap
import os
import re
from pathlib import Path

BUILT_FROM = re.compile(rb"path\t(\S+)\nmod\t\S+\t(\S+)[\t\n]")


def built_from(program: Path) -> str:
    """Package and version as `go install` takes them; "" if it is no program of Go's.

    "" too if we may run it but not read it, which is no error: it is a program of no known version.
    """
    if not program.stat().st_size or not os.access(program, os.R_OK):
        return ""
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        found = BUILT_FROM.search(text)
        return "@".join(part.decode() for part in found.groups()) if found else ""
