"""The data dictionary and the lineage graph, written from the specs: `make docs`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from jobs.settings import ROOT
from jobs.spec import LAYERS, Spec
from jobs.specs import load_specs

DICTIONARY = ROOT / "docs" / "dictionary.md"
HEADER = """# Data dictionary

Every table and column, with its unit and whether it says something about a person (`pseudonym`: an
identifier that leads to a person with the help of other data). Written from `jobs/<layer>/*.yml`
by `make docs`; a test fails when the two differ.
"""


def dictionary(specs: Mapping[str, Spec]) -> str:
    """The whole page as Markdown, tables in the order in which data flows through them."""
    parts = [HEADER, _lineage(specs)]
    for layer in LAYERS:
        parts.append(f"## {layer.capitalize()}\n")
        parts += [_table(spec, specs) for spec in specs.values() if spec.layer == layer]
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
    return [f"{spec.source.kind}.{spec.source.topic or Path(spec.source.prefix).name}"]


def _downstream(spec: Spec, specs: Mapping[str, Spec]) -> list[str]:
    readers = [other.name for other in specs.values() if spec.name in other.inputs]
    return readers + ([_mart(spec)] if spec.serve else [])


def _mart(spec: Spec) -> str:
    return f"mart.{spec.name.partition('.')[2]}"


def _table(spec: Spec, specs: Mapping[str, Spec]) -> str:
    facts = {
        "Grain": spec.grain,
        "Key": ", ".join(spec.keys),
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
            "| Column | Type | Unit | Null | Person | Meaning |",
            "|---|---|---|---|---|---|",
            *_columns(spec),
            "",
        ]
    )


def _columns(spec: Spec) -> Iterator[str]:
    for name, column in spec.columns.items():
        nullable = "yes" if column.nullable else ""
        pii = "" if column.pii == "none" else column.pii
        cells = (f"`{name}`", f"`{column.type}`", column.unit, nullable, pii, column.about)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def write(path: Path = DICTIONARY) -> None:
    """Nothing; the page at the path says what the specs say."""
    path.write_text(dictionary(load_specs()))


if __name__ == "__main__":
    write()
    print(f"wrote {DICTIONARY.relative_to(ROOT)}")
