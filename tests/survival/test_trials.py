"""The short set of `make chaos`: a fault at a seeded moment, and every order there once."""

import subprocess
from collections.abc import Iterator

import pytest

from infra.chaos.trial import trial
from infra.native.instance import Instance, load
from infra.native.watch import healthy
from jobs.namespace import namespace
from jobs.settings import Settings
from jobs.stream import control
from tests.conftest import TEST_INSTANCE
from tests.integration.services import PATIENCE_SECONDS
from tests.integration.streams import begin

pytestmark = [pytest.mark.integration, pytest.mark.alone]

# Those that kill Spark come last, as in the whole of this folder: a new one is slow for minutes.
FAULTS = [
    "commits unanswered",
    "task killed in a DAG that runs twice",
    "spark killed once its table is committed",
    "spark killed while it merges",
]


@pytest.fixture(scope="module")
def streaming(stack: Settings) -> Iterator[Settings]:
    """A namespace whose stream runs."""
    with namespace(stack, "chaos") as own:
        control.prepare(own)
        process: subprocess.Popen[bytes] = begin(own)
        control.want(own, "running", PATIENCE_SECONDS)
        yield own
        process.kill()
        process.wait()


@pytest.fixture
def instance(stack: Settings) -> Iterator[Instance]:
    """The test instance, healthy again afterwards."""
    found = load(TEST_INSTANCE)
    yield found
    for _ in healthy(found, stack):
        pass


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_or_doubled(streaming: Settings, instance: Instance, fault: str) -> None:
    outcome = trial(fault, 1, instance, streaming)
    assert outcome.acked > 0
    assert (outcome.lost, outcome.doubled) == (0, 0)
