"""A tree of its own for tests that write env files and state."""

from pathlib import Path

import pytest

import infra.native.install  # noqa: F401  # its poms are those of the real tree, not of `tree`
from infra.native.creation import load_or_create
from infra.native.instance import Instance


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the runtime takes for the repository."""
    monkeypatch.setattr("jobs.settings.ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def instance(tree: Path) -> Instance:
    """An instance that was never started."""
    return load_or_create("alpha")
