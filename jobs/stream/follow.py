"""The near-real-time marts: they, and what they are made of, follow the topics run by run."""

from collections.abc import Callable, Iterator

from jobs.commits import latest_version
from jobs.settings import Settings
from jobs.specs import load_specs, topic_sources
from jobs.together import UpToDate, bring_one_up_to_date


def followed() -> list[str]:
    """The tables between the topics and the near-real-time marts, inputs before their readers."""
    specs = load_specs()
    behind = set(topic_sources())
    for name, spec in specs.items():
        if behind.intersection(spec.inputs):
            behind.add(name)
    needed: set[str] = set()
    for name, spec in reversed(specs.items()):
        if spec.near_real_time or name in needed:
            needed |= {name, *spec.inputs}
    return [name for name, spec in specs.items() if name in needed & behind and not spec.source]


def news(settings: Settings) -> dict[str, int | None]:
    """The versions of the tables at the head of those that follow; while they stand, all rests."""
    specs = load_specs()
    tables = followed()
    heads = {name for table in tables for name in specs[table].inputs} - set(tables)
    return {name: latest_version(settings, settings.table_path(name)) for name in sorted(heads)}


def unasked() -> None:
    """Nobody minds."""


def follow(settings: Settings, may_go_on: Callable[[], None] = unasked) -> Iterator[UpToDate]:
    """Each table that had news, when it is up to date with its inputs, and served if it is a mart.

    Raises: what `may_go_on` raises, asked before each table, and what `run` and `serve` raise.
    """
    for table in followed():
        may_go_on()
        done = bring_one_up_to_date(table, settings)
        if done.record.counts:
            yield done
