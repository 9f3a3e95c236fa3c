"""A copy of the repository that a test may change, and what runs in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from jobs.settings import ROOT

PARTS = (
    "answers", "console", "dags", "docs", "generators", "infra", "jobs", "quality", "tests",
    "Makefile", "pyproject.toml", ".env.example",
)  # fmt: skip
NOT_COPIED = shutil.ignore_patterns("__pycache__")


def copied(folder: Path) -> Path:
    """The folder, with a copy of the repository in it."""
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=NOT_COPIED)
        else:
            shutil.copy(source, folder / name)
    return folder


def python(tree: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What Python did with the modules of that tree."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)} | variables,
        capture_output=True,
        text=True,
    )
