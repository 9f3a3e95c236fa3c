"""The JSON Schema of a topic's messages, derived from the contract in its bronze spec."""

import re
from collections.abc import Iterator
from typing import Any

from jobs.errors import SpecError
from jobs.spec import Spec

DIALECT = "http://json-schema.org/draft-07/schema#"
Schema = dict[str, Any]
SCALARS: dict[str, Schema] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    # With the bounds, a change from bigint to int is seen to be one that narrows.
    "int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "bigint": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "double": {"type": "number"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
}
DECIMAL = re.compile(r"decimal\(\d+, ?\d+\)")
NESTED = re.compile(r"(array|struct)<(.*)>")


def message_schema(spec: Spec) -> Schema:
    """What a message of the topic is: a closed object, in which a nullable field may be missing.

    Without descriptions: a better sentence about a column is no new version of the schema.
    Raises: SpecError for a column whose type has no counterpart in JSON.
    """
    properties = {name: _type(column.type) for name, column in spec.columns.items()}
    nullable = {name for name, column in spec.columns.items() if column.nullable}
    for name in nullable:
        properties[name]["type"] = [properties[name]["type"], "null"]
    required = [name for name in spec.columns if name not in nullable]
    return {"$schema": DIALECT, "title": spec.name, **_closed(properties, required)}


def _closed(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _type(spark_type: str) -> Schema:
    if spark_type in SCALARS:
        return dict(SCALARS[spark_type])
    if DECIMAL.fullmatch(spark_type):
        return {"type": "number"}
    nested = NESTED.fullmatch(spark_type)
    if nested is None:
        raise SpecError(f"type {spark_type} has no counterpart in JSON; see jobs/message_schema.py")
    kind, inner = nested.groups()
    if kind == "array":
        return {"type": "array", "items": _type(inner)}
    fields = (field.partition(":") for field in _split(inner))
    properties = {name.strip(): _type(type_.strip()) for name, _, type_ in fields}
    return _closed(properties, list(properties))


def _split(fields: str) -> Iterator[str]:
    """The parts between those commas that are not inside brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(fields):
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            yield fields[start:place]
            start = place + 1
    yield fields[start:]
