"""What grows gets split: no file over 250 lines, no function over 40, no table without examples."""

import ast
from collections.abc import Iterator
from pathlib import Path

from jobs.settings import ROOT
from jobs.specs import load_specs

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 40
FOLDERS = ("answers", "console", "jobs", "quality", "generators", "infra", "dags", "tests")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_too_long() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in SOURCES}
    assert lengths
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    found = {f"{p.relative_to(ROOT)}:{name}": n for p in SOURCES for name, n in _functions(p)}
    assert {name: n for name, n in found.items() if n > MAX_FUNCTION_LINES} == {}


def test_every_table_that_computes_has_examples() -> None:
    without = [s.name for s in load_specs().values() if s.layer != "bronze" and not s.examples]
    assert without == []
