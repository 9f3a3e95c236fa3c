"""The columns of a Delta table, read from its log without asking Spark."""

import json
from typing import Any

from jobs.commits import open_table
from jobs.settings import Settings

SPARK_NAMES = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}


def column_types(settings: Settings, path: str, version: int | None = None) -> dict[str, str]:
    """Spark types of the table's columns at a version, by default now; {} without a table."""
    table = open_table(settings, path, version)
    if table is None:
        return {}
    fields = json.loads(table.schema().to_json())["fields"]
    return {field["name"]: _spark_type(field["type"]) for field in fields}


def _spark_type(type_: Any) -> str:
    """A type of Delta's log as Spark writes it."""
    if isinstance(type_, str):
        return SPARK_NAMES.get(type_, type_)
    if type_["type"] == "array":
        return f"array<{_spark_type(type_['elementType'])}>"
    if type_["type"] == "map":
        return f"map<{_spark_type(type_['keyType'])},{_spark_type(type_['valueType'])}>"
    fields = (f"{field['name']}:{_spark_type(field['type'])}" for field in type_["fields"])
    return f"struct<{','.join(fields)}>"
