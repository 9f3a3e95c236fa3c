"""The fixtures of every proof."""

from collections.abc import Iterator

import pytest

from answers.evidence import Evidence
from answers.keeper import SHOWN, Keeper, is_proof
from answers.labs.engines import Engines, engines_of
from jobs.namespace import namespace
from jobs.settings import Settings, load_settings


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "control: shows the naive way failing, or what is not so")
    if not any(isinstance(each, Keeper) for each in config.pluginmanager.get_plugins()):
        config.pluginmanager.register(Keeper())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in filter(is_proof, items):
        item.add_marker(pytest.mark.integration)


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """What this test shows: `evidence(label, measured, expected, unit)`, `.table`, `.series`."""
    shown = Evidence(request.node.originalname)
    request.node.stash[SHOWN] = shown
    return shown


@pytest.fixture(scope="session")
def platform() -> Settings:
    """The running instance, outside any namespace."""
    return load_settings()


@pytest.fixture(scope="module")
def settings(platform: Settings) -> Iterator[Settings]:
    """A namespace of the proof's own, gone afterwards."""
    with namespace(platform, "proof") as own:
        yield own


@pytest.fixture(scope="module")
def engines(settings: Settings) -> Iterator[Engines]:
    """The three engines that speak SQL, each with an empty database that is gone afterwards."""
    with engines_of(settings) as found:
        yield found
