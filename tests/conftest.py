"""The running stack for integration tests, and a namespace of their own in it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

TEST_INSTANCE = "test"
AIRFLOW = "tests/airflow/"
os.environ.setdefault("INSTANCE", TEST_INSTANCE)

from jobs.settings import ROOT, Settings, env_file, read_env_file, settings_from  # noqa: E402
from tests.minutes import Minutes  # noqa: E402

# The answers whose proofs are not run, nor what tests those proofs.
LEFT_OUT = "PROOFS_LEFT_OUT"
BENCH = ROOT / "docs" / "bench.json"
# Stops a service for as long as a block lasts.
Stopped = Callable[[str], AbstractContextManager[None]]


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Minutes(config))


class OneScheduler(LoadFileScheduling):
    """A file to a worker; the files that drive Airflow, whose scheduler is one, are as one file."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return AIRFLOW if file.startswith(AIRFLOW) else file


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest files come first, so that in the end no worker waits for one."""
    slugs = set(os.environ.get(LEFT_OUT, "").split())
    if out := [item for item in items if _answer_of(item) in slugs]:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if _answer_of(item) not in slugs]
    if hasattr(config, "workerinput"):
        longest: dict[str, float] = (
            json.loads(BENCH.read_text()).get("tests", {}).get("longest", {})
        )
        items.sort(key=lambda item: -longest.get(item.location[0], 0.0))


def _answer_of(item: pytest.Item) -> str:
    """The slug of the answer whose proof this is, or tests; empty if it is neither."""
    if item.path.name == "proof.py":
        return item.path.parent.name
    of = item.get_closest_marker("proof_of")
    return str(of.args[0]) if of else ""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneScheduler | None:
    return OneScheduler(config, log) if config.option.dist == "loadfile" else None


@pytest.fixture(scope="session")
def stack() -> Settings:
    """The instance `test`, started if it does not run. `make test` resets it before and after."""
    from infra.native.up import complete, up

    up(TEST_INSTANCE)
    complete(TEST_INSTANCE)
    values = read_env_file(env_file(TEST_INSTANCE))
    return settings_from({**values, "INSTANCE": TEST_INSTANCE})


@pytest.fixture
def stopped(request: pytest.FixtureRequest, stack: Settings) -> Stopped:
    """What stops a service of the instance for as long as a block lasts.

    Only for tests marked `alone`: to any other it would end a service under its neighbours.
    """
    from infra.native import supervise
    from infra.native.instance import load
    from infra.native.up import up

    assert request.node.get_closest_marker("alone"), "who stops a shared service is marked `alone`"
    instance = load(stack.instance)

    @contextmanager
    def stop(service: str) -> Iterator[None]:
        supervise.stop(instance, service)
        try:
            yield
        finally:
            supervise.start_stopped(instance)
            up(stack.instance)

    return stop


@pytest.fixture
def namespace_settings(stack: Settings) -> Iterator[Settings]:
    """Settings with a namespace that is empty before and gone after the test."""
    from jobs.namespace import namespace

    with namespace(stack) as settings:
        yield settings


@pytest.fixture(scope="module")
def module_settings(stack: Settings) -> Iterator[Settings]:
    """The same, shared by the tests of one module."""
    from jobs.namespace import namespace

    with namespace(stack) as settings:
        yield settings
