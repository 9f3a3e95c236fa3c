"""Every table of the platform, inputs before their readers."""

from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from jobs.errors import SpecError
from jobs.spec import LAYERS, Source, Spec
from jobs.spec_file import read_spec

FOLDER = Path(__file__).resolve().parent


def ordered(specs: Iterable[Spec]) -> dict[str, Spec]:
    """Specs by name, inputs before their readers.

    Raises: SpecError on an unknown input, raw inputs that do not go together, or a circle.
    """
    by_name = {spec.name: spec for spec in specs}
    for spec in by_name.values():
        for table in spec.inputs:
            if table not in by_name:
                raise SpecError(f"{spec.name} reads {table}, which has no jobs/<layer>/<table>.yml")
        kinds = [source.kind for name in spec.raw_inputs if (source := by_name[name].source)]
        if len(kinds) > 1 and set(kinds) != {"files"}:
            raise SpecError(
                f"{spec.name} reads {' and '.join(spec.raw_inputs)}: several bronze tables go "
                "together only if all of them hold files, whose records are told apart across "
                "tables. Give each topic a silver table of its own."
            )
    try:
        graph = {spec.name: sorted(spec.inputs) for spec in by_name.values()}
        names = TopologicalSorter(graph).static_order()
        return {name: by_name[name] for name in names}
    except CycleError as error:
        raise SpecError(
            f"tables read each other in a circle: {' -> '.join(error.args[1])}"
        ) from None


@cache
def load_specs() -> dict[str, Spec]:
    """Every table of the platform by name, inputs before their readers."""
    paths = [path for layer in LAYERS for path in sorted((FOLDER / layer).glob("*.yml"))]
    return ordered(read_spec(path) for path in paths)


def topic_specs() -> dict[str, Spec]:
    """The bronze tables that read a topic, by the topic without namespace."""
    return {source.topic: load_specs()[name] for name, source in topic_sources().items()}


def topic_sources() -> dict[str, Source]:
    """The sources that are topics, by their bronze tables."""
    found = {name: spec.source for name, spec in load_specs().items()}
    return {name: source for name, source in found.items() if source and source.kind == "kafka"}


def find_spec(name: str) -> Spec:
    """The table of that name.

    Raises: SpecError listing the names there are.
    """
    specs = load_specs()
    if name not in specs:
        raise SpecError(f"no table {name!r}; there are {', '.join(specs)}")
    return specs[name]
