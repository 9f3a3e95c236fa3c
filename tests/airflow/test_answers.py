"""Proofs, whichever way they are run: kept whole, red when they break, gone when they end."""

import subprocess
from pathlib import Path

import pytest

from answers.book import load_answers
from answers.runs import history, newest
from infra.airflow.client import Airflow
from jobs.session import clickhouse, object_store
from jobs.settings import ROOT, Settings
from tests.tree import copied, python

pytestmark = pytest.mark.integration

SLUG = "python-mutability"
WITH_NAMESPACE = "sql-joins"


@pytest.fixture(scope="module")
def own(module_settings: Settings) -> Settings:
    """A namespace in which nobody else proves anything."""
    return module_settings


def prove(settings: Settings, tree: Path = ROOT, **chosen: str) -> subprocess.CompletedProcess[str]:
    return python(tree, "-m", "answers", **settings.environment() | {"A": "", "T": ""} | chosen)


def test_a_proof_prints_what_it_measured_and_is_kept(own: Settings) -> None:
    before = len(history(own, SLUG, 1000))
    done = prove(own, A=SLUG)
    assert done.returncode == 0, done.stdout + done.stderr
    for claim in load_answers()[SLUG].claims:
        assert f"proven  {claim}" in done.stdout
    assert "rows of the naive second batch" in done.stdout
    kept = history(own, SLUG, 1000)
    assert len(kept) == before + 1
    assert kept[0].is_proven and kept[0].evidence and kept[0].commit


def test_the_list_says_of_each_answer_how_it_stands(own: Settings) -> None:
    listed = prove(own).stdout
    assert all(slug in listed for slug in load_answers())
    assert "proven" in listed


@pytest.mark.parametrize("chosen", [{"A": "no-such-answer"}, {"T": "no-such-topic"}])
def test_what_is_not_there_is_named(own: Settings, chosen: dict[str, str]) -> None:
    done = prove(own, **chosen)
    assert done.returncode == 1
    assert "no-such" in done.stderr


def test_a_proof_that_does_not_hold_is_red_and_kept_so(own: Settings, tmp_path: Path) -> None:
    tree = copied(tmp_path)
    proof = tree / "answers" / "foundations" / SLUG / "proof.py"
    text = proof.read_text()
    assert "rows += rows_of(batch)" in text
    proof.write_text(text.replace("rows += rows_of(batch)", "rows = rows_of(batch)"))
    done = prove(own, tree, A=SLUG)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
    assert not newest(own)[SLUG].is_proven
    assert prove(own, A=SLUG).returncode == 0
    assert newest(own)[SLUG].is_proven


def test_a_part_of_a_proof_is_not_kept(own: Settings) -> None:
    before = len(history(own, SLUG, 1000))
    proof = load_answers()[SLUG].proof
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(proof), "-k", "tuple"]
    done = python(ROOT, *command, **own.environment())
    assert done.returncode == 0, done.stdout
    assert len(history(own, SLUG, 1000)) == before


@pytest.mark.alone
def test_a_proof_leaves_nothing_behind(stack: Settings) -> None:
    def left() -> set[str]:
        databases = clickhouse(stack).query("SELECT name FROM system.databases").result_rows
        objects = object_store(stack).list_objects(stack.s3_bucket, prefix="proof_")
        return {row[0] for row in databases} | {str(each.object_name) for each in objects}

    before = left()
    done = prove(stack, A=WITH_NAMESPACE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert left() == before


@pytest.mark.alone
def test_airflow_runs_the_same_proofs(stack: Settings) -> None:
    before = len(history(stack, SLUG, 1000))
    airflow = Airflow(stack)
    airflow.make_ready(["answers"])
    run = airflow.start("answers", {"answers": [SLUG]})
    assert airflow.await_run("answers", run) == "success"
    assert len(history(stack, SLUG, 1000)) == before + 1
