"""The data dictionary and the lineage graph, written from the specs: `make docs`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from jobs.lineage import Lineage, stored
from jobs.settings import ROOT
from jobs.spec import LAYERS, Spec
from jobs.specs import load_specs

DICTIONARY = ROOT / "docs" / "dictionary.md"
HEADER = """# Data dictionary

Every table and column, with its unit and whether it says something about a person (`personal`: by
itself, as a name or an address; `pseudonym`: an identifier that leads to a person with the help of
other data). Written from `jobs/<layer>/*.yml`
by `make docs`; a test fails when the two differ.

"Made of" and "makes" are read from Spark's own plan of each transform (`jobs/lineage.py`): the
columns whose values an expression takes. Joins and filters, which only decide what rows there are,
are not among them; a column made of none counts rows or is a constant. `_row` is when and where a
raw record came in.
"""


def dictionary(specs: Mapping[str, Spec]) -> str:
    """The whole page as Markdown, tables in the order in which data flows through them."""
    parts = [HEADER, _lineage(specs)]
    made_of = stored()
    for layer in LAYERS:
        parts.append(f"## {layer.capitalize()}\n")
        parts += [_table(spec, specs, made_of) for spec in specs.values() if spec.layer == layer]
    return "\n".join(parts)


def _lineage(specs: Mapping[str, Spec]) -> str:
    lines = ["## Lineage\n", "```mermaid", "graph LR"]
    for spec in specs.values():
        lines += [f"  {origin} --> {spec.name}" for origin in _upstream(spec)]
        if spec.serve:
            lines.append(f"  {spec.name} --> {_mart(spec)}")
    return "\n".join([*lines, "```", ""])


def _upstream(spec: Spec) -> list[str]:
    if spec.source is None:
        return list(spec.inputs)
    pull = spec.source.pull
    if pull:
        return [f"{pull['from']}.{pull.get('platform') or pull['table']}"]
    if spec.source.capture:
        return [f"postgres.{spec.source.capture}"]
    return [f"{spec.source.kind}.{spec.source.topic or Path(spec.source.prefix).name}"]


def _downstream(spec: Spec, specs: Mapping[str, Spec]) -> list[str]:
    readers = [other.name for other in specs.values() if spec.name in other.inputs]
    return readers + ([_mart(spec)] if spec.serve else [])


def _mart(spec: Spec) -> str:
    return f"mart.{spec.name.partition('.')[2]}"


def _table(spec: Spec, specs: Mapping[str, Spec], made_of: Lineage) -> str:
    facts = {
        "Grain": spec.grain,
        "Key": ", ".join(spec.identity),
        "Loaded by": spec.load,
        "From": ", ".join(_upstream(spec)),
        "Read by": ", ".join(_downstream(spec, specs)),
        "Fresh within": spec.freshness,
    }
    return "\n".join(
        [
            f"### {spec.name}\n",
            f"{spec.description}\n",
            *(f"- {name}: {value}" for name, value in facts.items() if value),
            "",
            "| Column | Type | Unit | Null | Person | Meaning | Made of | Makes |",
            "|---|---|---|---|---|---|---|---|",
            *_columns(spec, made_of),
            "",
        ]
    )


def _columns(spec: Spec, made_of: Lineage) -> Iterator[str]:
    for name, column in spec.columns.items():
        nullable = "yes" if column.nullable else ""
        pii = "" if column.pii == "none" else column.pii
        origins = ", ".join(made_of.get(spec.name, {}).get(name, []))
        makes = ", ".join(_made_from(spec, name, made_of))
        about = (column.unit, nullable, pii, column.about, origins, makes)
        cells = (f"`{name}`", f"`{column.type}`", *about)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _made_from(spec: Spec, name: str, made_of: Lineage) -> list[str]:
    """The columns that are made of a column, the mart's last."""
    readers = [
        f"{table}.{column}"
        for table, columns in made_of.items()
        for column, origins in columns.items()
        if f"{spec.name}.{name}" in origins
    ]
    return readers + ([f"{_mart(spec)}.{name}"] if spec.serve else [])


def write(path: Path = DICTIONARY) -> None:
    """Nothing; the page at the path says what the specs say."""
    path.write_text(dictionary(load_specs()))


if __name__ == "__main__":
    write()
    print(f"wrote {DICTIONARY.relative_to(ROOT)}")
