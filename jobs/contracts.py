"""Each table's data contract in the Open Data Contract Standard (ODCS 3.1), and what breaks one.

`contracts/` holds the contracts as published; the specs are their source and `make docs` writes
them. A change that breaks somebody needs a new major `version` in the spec before it is written.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from jobs.errors import ContractBroken
from jobs.schema_change import (
    DECISIONS,
    DROPPED,
    DROPPED_VALUE,
    NEW,
    NEW_REQUIRED,
    NEW_VALUE,
    NOW_NULLABLE,
    NOW_REQUIRED,
    OTHER_KEY,
    RENAMED,
    kind_of_type_change,
)
from jobs.settings import ROOT
from jobs.spec import Column, Rule, Spec
from jobs.specs import load_specs

FOLDER = ROOT / "contracts"
LOGICAL_TYPES = {
    "string": "string",
    "int": "integer",
    "bigint": "integer",
    "double": "number",
    "decimal": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "array": "array",
    "struct": "object",
}
Contract = dict[str, Any]


def contract(spec: Spec) -> Contract:
    """The table's contract as ODCS lays it out."""
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"lakeproof.{spec.name}",
        "name": spec.name,
        "version": spec.version,
        "status": "active",
        "description": {"purpose": spec.description},
        "schema": [
            {
                "name": spec.name.partition(".")[2],
                "physicalType": "topic" if spec.source and spec.source.topic else "table",
                "dataGranularityDescription": spec.grain,
                "properties": [_property(spec, name) for name in spec.columns],
                "quality": [_quality(rule) for rule in spec.quality],
            }
        ],
        "slaProperties": [{"property": "freshness", "value": spec.freshness}],
    }


def _property(spec: Spec, name: str) -> dict[str, Any]:
    column: Column = spec.columns[name]
    key = {"primaryKeyPosition": spec.identity.index(name) + 1} if name in spec.identity else {}
    unit = {"customProperties": [{"property": "unit", "value": column.unit}]} if column.unit else {}
    return {
        "name": name,
        "logicalType": LOGICAL_TYPES[re.split(r"[<(]", column.type)[0]],
        "physicalType": column.type,
        "description": column.about,
        "required": not column.nullable,
        "primaryKey": name in spec.identity,
        **key,
        "classification": "public" if column.pii == "none" else column.pii,
        **unit,
    }


def _quality(rule: Rule) -> dict[str, Any]:
    about = {"column": rule.column, **rule.args} if rule.column else rule.args
    return {
        "name": rule.name,
        "type": "custom",
        "engine": "lakeproof",
        "implementation": {"rule": rule.rule, **about},
        "severity": rule.severity or rule.on_fail,
    }


def breaking(old: Contract, new: Contract) -> list[str]:
    """What in the new contract breaks those who rely on the old one, a sentence each."""
    return [said for kind, said in changes(old, new) if DECISIONS[kind].is_breaking]


def changes(old: Contract, new: Contract) -> list[tuple[str, str]]:
    """Kind of each change between two contracts, as `jobs.schema_change` decides on it, in words.

    Readers of a table break when a column goes, changes its type other than to a wider one, or may
    suddenly be null; producers of a topic when they must send what they need not send before.
    """
    before, after = _properties(old), _properties(new)
    is_topic = old["schema"][0]["physicalType"] == "topic"
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    return [
        *_gone_and_come({n: before[n] for n in gone}, {n: after[n] for n in come}, is_topic),
        *_changed(before, after, is_topic),
        *_values_changed(old, new),
        *([(OTHER_KEY, "the key is another")] if _key(old) != _key(new) else []),
    ]


def _gone_and_come(
    gone: dict[str, Any], come: dict[str, Any], is_topic: bool
) -> Iterator[tuple[str, str]]:
    """One column gone and one of its type come is most likely a renamed one."""
    types = [[one["physicalType"] for one in side.values()] for side in (gone, come)]
    if len(types[0]) == 1 and types[0] == types[1]:
        yield RENAMED, f"column {next(iter(gone))} is gone, perhaps renamed to {next(iter(come))}"
        return
    yield from ((DROPPED, f"column {name} is gone") for name in gone)
    for name, column in come.items():
        if is_topic and column["required"]:
            yield NEW_REQUIRED, f"column {name} is new and required of every producer"
        else:
            yield NEW, f"column {name} is new"


def _changed(
    before: dict[str, Any], after: dict[str, Any], is_topic: bool
) -> Iterator[tuple[str, str]]:
    for name in (name for name in before if name in after):
        types = (before[name]["physicalType"], after[name]["physicalType"])
        if types[0] != types[1]:
            yield kind_of_type_change(*types), f"column {name} was {types[0]} and is {types[1]}"
        was, is_ = before[name]["required"], after[name]["required"]
        if is_topic and is_ and not was:
            yield NOW_REQUIRED, f"column {name} is now required of every producer"
        if not is_topic and was and not is_:
            yield NOW_NULLABLE, f"column {name} may now be null"


def _values_changed(old: Contract, new: Contract) -> Iterator[tuple[str, str]]:
    before, after = _values(old), _values(new)
    for column in (column for column in before if column in after):
        for value in sorted(after[column] - before[column]):
            yield NEW_VALUE, f"column {column} may now be {value}"
        for value in sorted(before[column] - after[column]):
            yield DROPPED_VALUE, f"column {column} may no longer be {value}"


def _values(one: Contract) -> dict[str, set[str]]:
    """The values that columns are held to by a rule."""
    rules = [rule["implementation"] for rule in one["schema"][0]["quality"]]
    return {
        rule["column"]: {str(value) for value in rule["values"]}
        for rule in rules
        if rule["rule"] == "in_set"
    }


def _properties(one: Contract) -> dict[str, Any]:
    return {column["name"]: column for column in one["schema"][0]["properties"]}


def _key(one: Contract) -> dict[str, int]:
    columns = _properties(one).values()
    return {
        column["name"]: column["primaryKeyPosition"] for column in columns if column["primaryKey"]
    }


def require_compatible(old: Contract, new: Contract) -> None:
    """Nothing, if the new contract breaks nobody or says so by a higher major version.

    Raises: ContractBroken with every reason, and where to raise the version.
    """
    reasons = breaking(old, new)
    if reasons and _major(new) <= _major(old):
        file = f"jobs/{new['name'].replace('.', '/')}.yml"
        raise ContractBroken(
            f"{new['name']} {new['version']} breaks who relies on {old['version']}: "
            f"{'; '.join(sorted(reasons))}. Take it back, or set `version: {_major(old) + 1}.0.0` "
            f"in {file} and run `make docs`."
        )


def _major(one: Contract) -> int:
    return int(one["version"].partition(".")[0])


def published(folder: Path = FOLDER) -> dict[str, Contract]:
    """The contracts in the folder, by table."""
    found = (yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.odcs.yaml")))
    return {one["name"]: one for one in found}


def publish(folder: Path = FOLDER) -> None:
    """Nothing; the folder holds the contract of each table and no other.

    Raises: ContractBroken, and then no file was touched.
    """
    old = published(folder)
    new = {spec.name: contract(spec) for spec in load_specs().values()}
    for name in new.keys() & old.keys():
        require_compatible(old[name], new[name])
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.odcs.yaml"):
        path.unlink()
    for name, one in new.items():
        text = yaml.safe_dump(one, sort_keys=False, allow_unicode=True, width=100)
        (folder / f"{name}.odcs.yaml").write_text(text)


if __name__ == "__main__":
    try:
        publish()
    except ContractBroken as error:
        sys.exit(f"error: {error}")
    print(f"wrote {FOLDER.relative_to(ROOT)}/")
