"""Which proofs CI leaves out: those that no new change touches, but each fifth time.

By hand all run; only `.ci/run` asks for less (`PROOFS=selected`). Source: docs/decisions/tests.md
"""

import ast
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from answers.book import Answer
from jobs.settings import ROOT
from tests.mutants import MUTANTS

PACKAGES = "uv.lock"
TURNS = 5
FEW = 5
TURN_SECONDS = 4 * 3600
# A change is what was committed within so long before its last commit; what came earlier had a run
# of CI already.
CHANGE_SECONDS = 4 * 3600


@dataclass(frozen=True)
class Change:
    """The files that a change touched, and when it was committed, in seconds since 1970."""

    files: frozenset[str]
    committed_at: int


def newest_change(root: Path = ROOT) -> Change | None:
    """What git knows of the newest change; all files, if it knows only one commit.

    None if there is no history.
    """
    try:
        committed_at = int(_git(root, "log", "-1", "--format=%ct"))
        since = f"--since=@{committed_at - CHANGE_SECONDS}"
        files = _git(root, "log", "-m", since, "--format=", "--name-only").split("\n")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return Change(frozenset(files), committed_at)


def left_out(answers: Iterable[Answer], change: Change) -> list[str]:
    """The slugs of the answers whose proofs wait for their turn.

    A proof is touched with the files of its folder, with those that it must notice when they are
    broken, and with each module that it imports and few others do: one that many import is tried by
    those whose turn it is. New versions of packages touch all.
    """
    if PACKAGES in change.files:
        return []
    book = list(answers)
    imported = {answer.slug: _imported(answer.folder) for answer in book}
    importers = Counter(chain.from_iterable(imported.values()))
    turn = change.committed_at // TURN_SECONDS % TURNS
    out = []
    for place, answer in enumerate(book):
        own = {file for file in imported[answer.slug] if importers[file] <= FEW}
        own |= {mutant.file for mutant in MUTANTS.values() if mutant.answer == answer.slug}
        folder = f"{answer.folder.relative_to(ROOT)}/"
        touched = own & change.files or any(file.startswith(folder) for file in change.files)
        if place % TURNS != turn and not touched:
            out.append(answer.slug)
    return out


@cache
def _imported(folder: Path) -> set[str]:
    """The paths that the modules imported there have, if they are of the repository."""
    modules: set[str] = set()
    trees = (ast.parse(file.read_text()) for file in folder.glob("*.py"))
    for node in chain.from_iterable(map(ast.walk, trees)):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    paths = {module.replace(".", "/") for module in modules}
    return {f"{path}{end}" for path in paths for end in (".py", "/__init__.py")}


def _git(root: Path, *command: str) -> str:
    return subprocess.run(
        ["git", *command], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
