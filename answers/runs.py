"""Runs of proofs, kept in the database, and one of each kept beside its answer."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from answers.book import Answer
from answers.evidence import Item, from_json, to_json
from infra.machine import machine
from jobs.settings import ROOT, Settings
from jobs.state import execute

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

    Raises: ServiceDown.
    """
    return {row[0]: _run(row) for row in execute(settings, TABLE + NEWEST)}


def history(settings: Settings, slug: str, limit: int = 50) -> list[Run]:
    """The last runs of a proof, newest first.

    Raises: ServiceDown.
    """
    return [_run(row) for row in execute(settings, TABLE + HISTORY, [slug, limit])]


def record(answer: Answer, run: Run) -> None:
    """Nothing; the run stands beside the answer, for whoever reads it where it never ran."""
    row = _row(run) | {"started_at": run.started_at.isoformat(timespec="seconds")}
    row |= {"claims": run.claims, "evidence": to_json(run.evidence)}
    lines = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in row.items())
    (answer.folder / RECORD).write_text(f"{{\n{lines}\n}}\n")


def recorded(answer: Answer) -> Run | None:
    """The run that stands beside the answer."""
    path = answer.folder / RECORD
    if not path.exists():
        return None
    row: dict[str, Any] = json.loads(path.read_text())
    row["started_at"] = datetime.fromisoformat(row["started_at"])
    return _run([*row.values()])


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
    slug, started_at, commit, where, seconds, claims, evidence = row
    return Run(slug, started_at, commit, where, seconds, claims, from_json(evidence))


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    return said.stdout.strip() or "no commit"
