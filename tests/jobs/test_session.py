"""Connections are tried before they are used."""

import socket
from collections.abc import Iterator

import pytest

from infra.native.keys import new_values
from jobs.errors import ServiceDown
from jobs.session import require_kafka
from jobs.settings import Settings, settings_from

DEAD = ("127.0.0.1:1", "127.0.0.1:2")


def settings(*brokers: str) -> Settings:
    return settings_from({**new_values(0), "KAFKA_BOOTSTRAP_SERVERS": ",".join(brokers)})


@pytest.fixture
def alive() -> Iterator[str]:
    """The address of something that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_broker_that_answers_is_enough(place: int, alive: str) -> None:
    brokers = [*DEAD]
    brokers.insert(place, alive)
    require_kafka(settings(*brokers))


def test_no_broker_that_answers_is_an_error() -> None:
    with pytest.raises(ServiceDown, match="kafka at 127.0.0.1:2 does not answer"):
        require_kafka(settings(*DEAD))
