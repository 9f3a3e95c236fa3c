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
WIDENINGS = {("int", "bigint"), ("int", "double"), ("float", "double"), ("date", "timestamp")}
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
    key = {"primaryKeyPosition": spec.keys.index(name) + 1} if name in spec.keys else {}
    unit = {"customProperties": [{"property": "unit", "value": column.unit}]} if column.unit else {}
    return {
        "name": name,
        "logicalType": LOGICAL_TYPES[re.split(r"[<(]", column.type)[0]],
        "physicalType": column.type,
        "description": column.about,
        "required": not column.nullable,
        "primaryKey": name in spec.keys,
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
    """What in the new contract breaks those who rely on the old one, a sentence each.

    Readers of a table break when a column goes, changes its type other than to a wider one, or may
    suddenly be null; producers of a topic when they must send what they need not send before.
    """
    before, after = _properties(old), _properties(new)
    is_written_by_others = old["schema"][0]["physicalType"] == "topic"
    return [
        *(f"column {name} is gone" for name in before if name not in after),
        *_changed(before, after, is_written_by_others),
        *(
            f"column {name} is new and required of every producer"
            for name in after
            if is_written_by_others and name not in before and after[name]["required"]
        ),
        *(["the key is another"] if _key(old) != _key(new) else []),
    ]


def _changed(
    before: dict[str, Any], after: dict[str, Any], is_written_by_others: bool
) -> Iterator[str]:
    for name in before.keys() & after.keys():
        types = (before[name]["physicalType"], after[name]["physicalType"])
        if types[0] != types[1] and not is_widening(*types):
            yield f"column {name} was {types[0]} and is {types[1]}"
        was, is_ = before[name]["required"], after[name]["required"]
        if is_written_by_others and is_ and not was:
            yield f"column {name} is now required of every producer"
        if not is_written_by_others and was and not is_:
            yield f"column {name} may now be null"


def is_widening(old: str, new: str) -> bool:
    """Whether every value of the old type is one of the new type."""
    decimals = [re.fullmatch(r"decimal\((\d+), ?(\d+)\)", type_) for type_ in (old, new)]
    if decimals[0] and decimals[1]:
        (precision, scale), (wider, longer) = (map(int, d.groups()) for d in decimals if d)
        return longer >= scale and wider - longer >= precision - scale
    return (old, new) in WIDENINGS


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
