"""The platform broken on purpose, in a copy: the answer that speaks of the broken thing turns red.

A proof that stayed green would prove something else than the platform it runs on.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from answers import guards
from answers.book import find
from answers.book import test_name as name_of_test
from jobs.settings import ROOT, Settings
from tests.tree import copied, python

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Mutant:
    """A piece of a file in place of another; the answer that catches it, and by which claim."""

    file: str
    sound: str
    broken: str
    answer: str
    claim: str


MUTANTS = {
    "repeated rows are accepted": Mutant(
        "jobs/loads/newest.py",
        'F.col("_rank") > 1',
        "F.lit(False)",
        "sql-window-functions",
        "ROW_NUMBER over the business key removes just the duplicates",
    ),
    "the gate is turned off": Mutant(
        "quality/gate.py",
        'if failed["critical"]:',
        "if False:",
        "silver-layer",
        "A batch that breaks a critical rule is not promoted until it is mended",
    ),
    "silver has no partitions": Mutant(
        "jobs/run.py",
        '("_proc_date",) if spec.source else spec.partition_by',
        '("_proc_date",) if spec.source else ()',
        "silver-layer",
        "Silver is partitioned by the business day, whenever an order came",
    ),
    "a line's amount forgets its quantity": Mutant(
        "jobs/silver/order_items.py",
        'F.col("quantity") * F.col("unit_price_cents")',
        'F.col("unit_price_cents")',
        "python-functions",
        "The transform of silver is a function and gives the same cents",
    ),
    "a pull begins just at its watermark": Mutant(
        "jobs/pull/__init__.py",
        'told.get("overlap_days", 0)',
        "0",
        "cdc-batch-incremental",
        "A contact that became visible late is found by the overlap",
    ),
    "a run forgets what the last one read": Mutant(
        "jobs/ingest.py",
        "offsets_ahead(settings, topic, consumed, spec.name)",
        "offsets_ahead(settings, topic, {}, spec.name)",
        "bronze-layer",
        "A second run over the same offsets and files lands nothing",
    ),
    "an order line finds any version of its customer": Mutant(
        "jobs/gold/fact_order_items.py",
        "on=is_same & has_begun & holds_on",
        'on=is_same & F.col("effective_to").isNull()',
        "gold-layer",
        "A line points to the customer as he was when he ordered",
    ),
    "deletes in the database's log pass unseen": Mutant(
        "jobs/changes.py",
        "marked = with_deletes_marked(changes, CAPTURED)",
        "marked = with_deletes_marked(changes.where(\"operation != 'd'\"), CAPTURED)",
        "cdc-realtime-pipeline",
        "A delete becomes a row that says so and keeps its last values",
    ),
    "a dead letter lacks its reason": Mutant(
        "jobs/dead_letters.py",
        '"reasons": F.array_join("reasons", ","),',
        "",
        "dead-letter-queue",
        "A dead letter is the message as it came, with why and whence",
    ),
    "the checkpoint alone knows the offsets": Mutant(
        "jobs/stream/query.py",
        "known = {p: int(offset) for p, offset in last.inputs.items()} if last else {}",
        "known: dict[str, int] = {}",
        "streaming-checkpoint-recovery",
        "Offsets in the table's own commits outlive a lost checkpoint",
    ),
    "a leader's word is enough": Mutant(
        "generators/producer.py",
        '"acks": "all",\n        "enable.idempotence": True,',
        '"acks": "1",',
        "kafka-guarantees",
        "an ack of the leader alone is lost with it where an ack of all is not given",
    ),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, whole between two tests."""
    return copied(tmp_path_factory.mktemp("mutants"))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.proof_of(one.answer)) for name, one in MUTANTS.items()],
)
def test_a_broken_platform_turns_the_right_answer_red(
    tree: Path, module_settings: Settings, name: str
) -> None:
    mutant = MUTANTS[name]
    file = tree / mutant.file
    sound = file.read_text()
    assert sound.count(mutant.sound) == 1, f"{mutant.file} no longer says {mutant.sound!r} once"
    test = name_of_test(mutant.claim)
    proof = find(mutant.answer).proof
    assert test in guards.tests_of(proof)
    file.write_text(sound.replace(mutant.sound, mutant.broken))
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--tb=short"]
    try:
        done = python(
            tree, *command, f"{proof.relative_to(ROOT)}::{test}", **module_settings.environment()
        )
    finally:
        file.write_text(sound)
    assert done.returncode == 1, f"{mutant.answer} stayed green:\n{done.stdout}{done.stderr}"
    assert re.search(f"^(FAILED|ERROR) .*::{test}", done.stdout, re.MULTILINE), done.stdout
