"""Which tables follow the stream, and when something is wrong with it."""

import pytest

from jobs.specs import load_specs
from jobs.stream.control import LONGEST_PASS_SECONDS, OLDEST_BEAT_SECONDS, Status
from jobs.stream.follow import followed


def test_what_follows_leads_from_the_topics_to_the_marts_and_nothing_else() -> None:
    specs, tables = load_specs(), followed()
    marts = {name for name, spec in specs.items() if spec.near_real_time}
    assert marts
    assert marts <= set(tables)
    read = {table for name in tables for table in specs[name].inputs}
    assert set(tables) - marts <= read
    for table in tables:
        sources = [specs[name].source for name in specs[table].inputs]
        assert set(tables).intersection(specs[table].inputs) or any(
            source and source.kind == "kafka" for source in sources
        )


def test_inputs_come_before_their_readers() -> None:
    tables = followed()
    for place, table in enumerate(tables):
        assert not set(tables[place:]).intersection(load_specs()[table].inputs)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (Status("running", "running", 1, 1, 0), ""),
        (Status("stopped", "stopped", 1, 1e6, 0), ""),
        (Status("running", "running", OLDEST_BEAT_SECONDS, LONGEST_PASS_SECONDS, 0), ""),
        (Status("running", "running", OLDEST_BEAT_SECONDS + 1, 1, 0), "not been heard of for 31 s"),
        (Status("stopped", "stopped", OLDEST_BEAT_SECONDS + 1, 1, 0), "not been heard of for 31 s"),
        (Status("running", "running", 1, LONGEST_PASS_SECONDS + 1, 0), "hung for 301 s"),
        (Status("running", "failed: no disk", 1, 1, 0), "failed: no disk"),
        (Status("stopped", "failed: no disk", 1, 1, 0), ""),
    ],
)
def test_a_fault_is_named_and_only_a_fault(status: Status, says: str) -> None:
    assert (says in status.fault) if says else status.fault == ""
