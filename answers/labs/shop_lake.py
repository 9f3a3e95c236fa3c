"""A small lake of the platform's own tables: what the shop sells into it, and what is in it."""

import os
import subprocess
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from generators.publish import send
from generators.run import Run
from generators.shop import stream
from generators.truth import Truth
from jobs.commits import storage_options
from jobs.settings import ROOT, Settings
from jobs.specs import load_specs
from jobs.together import bring_up_to_date


def sell(settings: Settings, run: Run, topics: Collection[str]) -> Truth:
    """The truth of a day, whose messages to these topics are out and acknowledged."""
    truth = Truth.of(run)
    messages = (each for each in truth.counting(stream(run)) if each.topic in topics)
    ledger = send(messages, run.run_id, settings)
    assert not ledger.rejected_count
    return truth


def run_tables(settings: Settings, *tables: str) -> None:
    """Nothing; the tables are up to date with their inputs, and marts are served."""
    for _ in bring_up_to_date(tables, settings):
        pass


def run_apart(settings: Settings, script: Path, *arguments: str) -> tuple[int, str]:
    """How a process that runs a script in the namespace ended, and the last line it said."""
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NAMESPACE": settings.namespace},
        capture_output=True,
        text=True,
    )
    return done.returncode, (done.stderr or done.stdout).strip().rpartition("\n")[2]


def table(settings: Settings, name: str, version: int | None = None) -> DeltaTable:
    """A table of the lake as delta-rs reads it, which costs a tenth of a Spark query."""
    uri = settings.table_path(name).replace("s3a:", "s3:")
    return DeltaTable(uri, version=version, storage_options=storage_options(settings))


def rows(settings: Settings, name: str, columns: Iterable[str]) -> list[tuple[Any, ...]]:
    """All rows of a table, in these columns."""
    names = list(columns)
    found = table(settings, name).to_pyarrow_table(columns=names)
    return list(zip(*(found[column].to_pylist() for column in names), strict=True))


def upstream(*names: str) -> list[str]:
    """These tables and all that they are made from, directly or not."""
    wanted = set(names)
    for name, spec in reversed(load_specs().items()):
        wanted |= set(spec.inputs) if name in wanted else set()
    return sorted(wanted)
