"""What an analyst may run: an allow-list over the engine's own parse tree.

The engine's `readonly = 1` refuses writes, settings and almost every table function. It does not
refuse `file()` as a scalar function, `Python()`, `KILL QUERY`, `INTO OUTFILE` or DESCRIBE of a URL,
so a statement is let through only if every node of its tree is known to be harmless: kinds of
nodes, functions called or named, tables of `system`, formats; and no setting is changed. The tree
comes from `parseQueryToJSON`, asked of a handle that no request reaches: no second lexer that could
be made to disagree with the engine's.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.clickhouse import functions
from infra.clickhouse.errors import (
    ACCESS_DENIED,
    READONLY,
    UNKNOWN_SETTING,
    QueryError,
    refusal,
)

Node = dict[str, Any]

_STATEMENTS = {
    "SelectWithUnionQuery",
    "SelectIntersectExceptQuery",
    "ExplainQuery",
    "ShowTablesQuery",
    "ShowColumnsQuery",
    "ShowIndexesQuery",
}
_EXPLAINS = {
    "EXPLAIN",
    "EXPLAIN SYNTAX",
    "EXPLAIN QUERY TREE",
    "EXPLAIN PIPELINE",
    "EXPLAIN ESTIMATE",
}
# Their `settings` are options of the output, or the word of SHOW SETTINGS.
_OWN_SETTINGS = {"ExplainQuery", "ShowTablesQuery"}
_NODES = _STATEMENTS | {
    "ArrayJoin",
    "Asterisk",
    "ColumnsApplyTransformer",
    "ColumnsExceptTransformer",
    "ColumnsListMatcher",
    "ColumnsRegexpMatcher",
    "ColumnsReplaceTransformer",
    "ColumnsReplaceTransformerReplacement",
    "ColumnsTransformerList",
    "DataType",
    "ExpressionList",
    "Function",
    "Identifier",
    "InterpolateElement",
    "Literal",
    "OrderByElement",
    "QualifiedAsterisk",
    "QualifiedColumnsListMatcher",
    "QualifiedColumnsRegexpMatcher",
    "QueryParameter",
    "SampleRatio",
    "SelectQuery",
    "SetQuery",
    "Subquery",
    "TableExpression",
    "TableIdentifier",
    "TableJoin",
    "TablesInSelectQuery",
    "TablesInSelectQueryElement",
    "WindowDefinition",
    "WindowListElement",
    "WithElement",
}
TABLE_FUNCTIONS = {
    "generate_series",
    "generaterandom",
    "generateseries",
    "null",
    "numbers",
    "numbers_mt",
    "values",
    "view",
}
_SYSTEM_TABLES = {
    "aggregate_function_combinators",
    "build_options",
    "columns",
    "data_type_families",
    "databases",
    "formats",
    "functions",
    "keywords",
    "merges",
    "metrics",
    "mutations",
    "numbers",
    "one",
    "parts",
    "parts_columns",
    "settings",
    "table_engines",
    "table_functions",
    "tables",
    "time_zones",
}
# Formats that only print. Others read a schema or a template from a file, or speak for a server.
FORMATS = re.compile(
    r"(?:Arrow|ArrowStream|Avro|BSONEachRow|CSV|JSON|LineAsString|MD|Markdown|MsgPack|NDJSON|Native|"
    r"Npy|Null|ORC|Parquet|Pretty|PrettyCompact|PrettySpace|Raw|RawBLOB|RowBinary|SQLInsert|TSKV|TSV|"
    r"TSVRaw|TabSeparated|TabSeparatedRaw|Values|Vertical|XML|GeoJSON|"
    r"(?:Pretty)?JSON(?:Object|Strings?|Compact|Columns|EachRow|Lines|L|WithMetadata|WithProgress)*)"
    r"(?:WithNames(?:AndTypes)?|NoEscapes|MonoBlock|WithProgress)*"
)
LONGEST_NAME = 128  # some formats write the names of columns beside each value
# The tree has no form for these statements; in this shape they can name a table and nothing else.
_NAME = r"(?:\w+|`\w+`)"
_LOOK_UP = re.compile(
    rf"\s*+(?:DESC|DESCRIBE|EXISTS|SHOW\s++CREATE)(?:\s++TABLE|\s++VIEW|\s++DATABASE)?+"
    rf"\s++{_NAME}(?:\.{_NAME})?+(?:\s++FORMAT\s++\w+)?+\s*+;?+\s*+",
    re.IGNORECASE | re.ASCII,
)


def is_look_up(sql: str) -> bool:
    """Whether the statement only describes one named table or database."""
    return _LOOK_UP.fullmatch(sql) is not None


def check_database(name: str | None) -> None:
    """Refuse `system` as the current database: its tables would need no prefix.

    Raises: QueryError 497.
    """
    if name == "system":
        raise refused("the database system as the current one")


def check_settings(asked: Mapping[str, str], current: Callable[[str], str | None]) -> None:
    """Refuse every change of a setting: some stay changeable where the engine only reads.

    A client may say what holds anyway.
    Raises: QueryError 115 for what is no setting, 164.
    """
    for name, value in asked.items():
        if not (name.isidentifier() and name.isascii()):
            raise refusal(UNKNOWN_SETTING, f"Unknown setting {name!r}: it is no identifier.")
        holds = current(name)
        if holds is None:
            raise refusal(UNKNOWN_SETTING, f"Unknown setting '{name}'.")
        if holds != value:
            raise refusal(READONLY, f"Cannot modify '{name}' setting in readonly mode.")


def check_format(name: str | None) -> None:
    """Refuse a format that does more than print.

    Raises: QueryError 497.
    """
    if name and not FORMATS.fullmatch(name):
        raise refused(f"the format {name}")


def check_tree(tree: Node) -> None:
    """Refuse a statement with any part that is not known to be harmless.

    Raises: QueryError 497 naming the part.
    """
    if tree["type"] not in _STATEMENTS:
        raise refused(tree["type"])
    for node in _nodes(tree):
        _check_node(node)


def _check_node(node: Node) -> None:
    kind = node.get("type")
    if kind not in _NODES:
        raise refused(str(kind))
    if "out_file" in node:
        raise refused("INTO OUTFILE")
    if "settings" in node and kind not in _OWN_SETTINGS:
        raise refused("SETTINGS")
    if "table_function" in node and node["table_function"]["name"].lower() not in TABLE_FUNCTIONS:
        raise refused(f"the table function {node['table_function']['name']}")
    if kind == "ExplainQuery" and node["kind"] not in _EXPLAINS:
        raise refused(node["kind"])
    if kind == "QueryParameter" and node["param_type"].lower() == "identifier":
        raise refused("a parameter of type Identifier")
    if kind in ("Function", "ColumnsApplyTransformer"):
        _check_function(str(node.get("name", node.get("func_name", ""))))
    if kind in ("Identifier", "TableIdentifier"):
        _check_identifier(node)
    if len(str(node.get("alias", ""))) > LONGEST_NAME:
        raise refused(f"a name of more than {LONGEST_NAME} letters")


def _check_function(name: str) -> None:
    if not functions.is_allowed(name) and name.lower() not in TABLE_FUNCTIONS:
        raise refused(f"the function {name}")


def _check_identifier(node: Node) -> None:
    name, parts = str(node.get("name", "")), node.get("name_parts", [])
    if node["type"] == "Identifier" and functions.is_refused_word(name):
        raise refused(f"the name {name}, which is a function's")
    if len(parts) > 1 and parts[0] == "system" and parts[1] not in _SYSTEM_TABLES:
        raise refused(f"the table system.{parts[1]}")


def _nodes(value: object) -> Iterator[Node]:
    """Every node below a value. Values of literals are data: nothing below them is a node."""
    if isinstance(value, list):
        for item in value:
            yield from _nodes(item)
    elif isinstance(value, dict):
        if "type" in value:
            yield value
        if value.get("type") != "Literal":
            yield from _nodes(list(value.values()))


def refused(what: str) -> QueryError:
    """The error 497 about a part of a statement."""
    return refusal(
        ACCESS_DENIED,
        f"Not enough privileges: an analyst may not use {what}. Ask for a table of it.",
    )
