"""Gathers what the tests of each proof show, and keeps it once the last of them has run."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from answers.evidence import Evidence, Item
from answers.guards import tests_of
from answers.runs import Run, keep, new_run
from jobs.errors import LakeproofError
from jobs.settings import load_settings

SHOWN = pytest.StashKey[Evidence]()


def is_proof(item: pytest.Item) -> bool:
    """Whether a test belongs to an answer."""
    return item.path.name == "proof.py"


def failure(call: pytest.CallInfo[None]) -> str:
    """Why a test failed, empty if it did not: of an error without words its name is told."""
    if call.excinfo is None:
        return ""
    return str(call.excinfo.value) or call.excinfo.typename


@dataclass
class Proof:
    """What is known so far of a proof whose tests run."""

    waiting: int = 0
    started_at: datetime | None = None
    claims: dict[str, str] = field(default_factory=dict)
    shown: list[Item] = field(default_factory=list)


class Keeper:
    """A pytest plugin. A run with a part of a proof's tests proves a part, and is not kept."""

    def __init__(self, on_end: Callable[[Run], None] = lambda _run: None) -> None:
        self._proofs: dict[Path, Proof] = {}
        self._on_end = on_end

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        found: dict[Path, list[str]] = {}
        for item in filter(is_proof, session.items):
            found.setdefault(item.path, []).append(getattr(item, "originalname", item.name))
        self._proofs = {
            path: Proof(len(names))
            for path, names in found.items()
            if set(names) == set(tests_of(path))
        }

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if proof := self._proofs.get(item.path):
            proof.started_at = proof.started_at or datetime.now(UTC)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, Any]:
        report = yield
        if proof := self._proofs.get(item.path):
            name = getattr(item, "originalname", item.name)
            proof.claims[name] = proof.claims.get(name, "") or failure(call)
            if report.when == "teardown":
                self._gather(item, proof)
        return report

    def _gather(self, item: pytest.Item, proof: Proof) -> None:
        if evidence := item.stash.get(SHOWN, None):
            proof.shown += evidence.items
        proof.waiting -= 1
        if proof.waiting == 0 and proof.started_at:
            slug = item.path.parent.name
            run = new_run(slug, proof.started_at, proof.claims, proof.shown)
            try:
                keep(load_settings(), run)
            except LakeproofError as error:
                pytest.exit(f"the run of {slug} is not kept: {error}", returncode=1)
            self._on_end(run)
