"""A part that cannot be read takes no other away, and nothing old is shown in its place."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from infra.metrics.parts import Part, Watched, gauge
from infra.native.keys import EXAMPLE_SECRET, KEYS
from jobs.errors import ServiceDown
from jobs.settings import Settings, settings_from

SETTINGS = settings_from({key.name: key.fill(EXAMPLE_SECRET) for key in KEYS})


class Store:
    """What a part reads: a value, or a service that is down."""

    def __init__(self) -> None:
        self.is_down = False

    def read(self, _: Settings) -> Iterable[Metric]:
        yield gauge("rows", "Rows", ["table"], {("orders",): 3.0, ("empty",): None})
        if self.is_down:
            raise ServiceDown("minio", "127.0.0.1:9000")


def watched(*parts: Part) -> tuple[Watched, Callable[[str, str, str], float | None]]:
    """What watches the parts, and how to ask it for a value: metric, label, the label's value."""
    found = Watched(SETTINGS, parts)
    registry = CollectorRegistry()
    registry.register(found)
    return found, lambda name, label, value: registry.get_sample_value(name, {label: value})


def test_part_that_fails_leaves_the_others() -> None:
    store = Store()
    parts = [Part("store", 60, store.read), Part("other", 60, Store().read)]
    found, value = watched(*parts)
    store.is_down = True
    for part in parts:
        found.look(part)
    assert value("lakeproof_collect_ok", "part", "store") == 0.0
    assert value("lakeproof_collect_ok", "part", "other") == 1.0
    assert value("rows", "table", "orders") == 3.0


def test_part_that_fails_shows_nothing_of_before() -> None:
    store = Store()
    part = Part("store", 60, store.read)
    found, value = watched(part)
    found.look(part)
    store.is_down = True
    found.look(part)
    assert value("rows", "table", "orders") is None
    store.is_down = False
    found.look(part)
    assert value("rows", "table", "orders") == 3.0


def test_part_that_hangs_is_not_shown_as_it_was() -> None:
    part = Part("store", -1, Store().read)  # whatever was seen is older than it may be
    found, value = watched(part)
    found.look(part)
    assert value("lakeproof_collect_ok", "part", "store") == 0.0
    assert value("rows", "table", "orders") is None


def test_part_that_was_never_looked_at_is_not_called_readable() -> None:
    _, value = watched(Part("store", 60, Store().read))
    assert value("lakeproof_collect_ok", "part", "store") == 0.0


def test_value_that_is_not_known_is_left_out() -> None:
    part = Part("store", 60, Store().read)
    found, value = watched(part)
    found.look(part)
    assert value("rows", "table", "empty") is None
