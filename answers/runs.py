"""Runs of proofs, kept in the database, and one of each kept beside its answer."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg2.errors import UndefinedTable

from answers.book import Answer, AnswerError
from answers.evidence import Item, from_json, to_json
from infra.machine import machine
from jobs.settings import ROOT, Settings
from jobs.state import SCHEMA, execute

TABLE = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.proof_runs (
  run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  slug text NOT NULL,
  started_at timestamptz NOT NULL,
  commit text NOT NULL,
  machine text NOT NULL,
  seconds double precision NOT NULL,
  claims jsonb NOT NULL,
  evidence jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS proof_runs_newest ON {schema}.proof_runs (slug, run_id DESC);
"""
COLUMNS = "slug, started_at, commit, machine, seconds, claims, evidence"
KEEP = f"INSERT INTO {{schema}}.proof_runs ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)"
NEWEST = f"""
SELECT DISTINCT ON (slug) {COLUMNS} FROM {{schema}}.proof_runs ORDER BY slug, run_id DESC
"""
HISTORY = (
    f"SELECT {COLUMNS} FROM {{schema}}.proof_runs WHERE slug = %s ORDER BY run_id DESC LIMIT %s"
)
RECORD = "evidence.json"
# What reading a run that is cut off, or of another shape, ends with.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True)
class Run:
    """One run of one proof. `claims` says of each test why it failed; empty if it passed."""

    slug: str
    started_at: datetime
    commit: str
    machine: str
    seconds: float
    claims: Mapping[str, str]
    evidence: Sequence[Item]

    @property
    def is_proven(self) -> bool:
        """Whether every test passed."""
        return bool(self.claims) and not any(self.claims.values())


def new_run(
    slug: str, started_at: datetime, claims: Mapping[str, str], evidence: Sequence[Item]
) -> Run:
    """A run that ended just now, here."""
    seconds = (datetime.now(UTC) - started_at).total_seconds()
    return Run(slug, started_at, _commit(), machine(), round(seconds, 1), claims, evidence)


def keep(settings: Settings, run: Run) -> None:
    """Nothing; the run is in the database.

    Raises: ServiceDown.
    """
    execute(settings, TABLE + KEEP, [*_row(run).values()])


def newest(settings: Settings) -> dict[str, Run]:
    """The last run of each proof that ran here, by slug.

    Raises: ServiceDown; AnswerError.
    """
    return {run.slug: run for run in _kept(settings, NEWEST)}


def history(settings: Settings, slug: str, limit: int = 50) -> list[Run]:
    """The last runs of a proof, newest first.

    Raises: ServiceDown; AnswerError.
    """
    return _kept(settings, HISTORY, [slug, limit])


def record(answer: Answer, run: Run) -> None:
    """Nothing; the run stands beside the answer, for whoever reads it where it never ran."""
    row = _row(run) | {"started_at": run.started_at.isoformat(timespec="seconds")}
    row |= {"claims": run.claims, "evidence": to_json(run.evidence)}
    lines = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in row.items())
    (answer.folder / RECORD).write_text(f"{{\n{lines}\n}}\n")


def recorded(answer: Answer) -> Run | None:
    """The run that stands beside the answer.

    Raises: AnswerError if what stands there is no run.
    """
    path = answer.folder / RECORD
    if not path.exists():
        return None
    try:
        row: dict[str, Any] = json.loads(path.read_text())
        row["started_at"] = datetime.fromisoformat(row["started_at"])
        return _run([row[key] for key in COLUMNS.split(", ")])
    except UNREADABLE as error:
        raise AnswerError(
            f"{path} is not the record of a run ({type(error).__name__}: "
            f"{error}). `make prove A={answer.slug} RECORD=1` writes it anew."
        ) from error


def _kept(settings: Settings, query: str, values: Sequence[Any] = ()) -> list[Run]:
    """The runs that the query gives; none before the first was kept, which makes the table.

    Raises: ServiceDown; AnswerError if one of them is no run.
    """
    try:
        rows = execute(settings, query, values)
    except UndefinedTable:
        return []
    try:
        return [_run(row) for row in rows]
    except UNREADABLE as error:
        raise AnswerError(
            f"{settings.schema(SCHEMA)}.proof_runs holds what is not a run "
            f"({type(error).__name__}: {error}). Delete that row."
        ) from error


def _lines(value: Any) -> str:
    """JSON with a line for each entry of a list, so that a change of one is a change of a line."""
    if not isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + ",\n".join(f" {json.dumps(each, ensure_ascii=False)}" for each in value) + "\n]"


def _row(run: Run) -> dict[str, Any]:
    return {
        "slug": run.slug,
        "started_at": run.started_at,
        "commit": run.commit,
        "machine": run.machine,
        "seconds": run.seconds,
        "claims": json.dumps(run.claims),
        "evidence": json.dumps(to_json(run.evidence)),
    }


def _run(row: Sequence[Any]) -> Run:
    """The run of a row.

    Raises: what is UNREADABLE, if it is none that can be shown.
    """
    slug, started_at, commit, where, seconds, claims, evidence = row
    if started_at.tzinfo is None or not isinstance(seconds, int | float):
        raise TypeError("when it started, or how long it took")
    if not all(isinstance(said, str) for said in claims.values()):
        raise TypeError("what it says of its claims")
    return Run(slug, started_at, commit, where, seconds, claims, from_json(evidence))


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    return said.stdout.strip() or "no commit"
