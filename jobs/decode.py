"""Raw bronze records into typed rows: each either decoded or with the reason why not.

Strict on purpose: a record is one JSON object, no key occurs twice, nothing follows it, and no
number stands where text is due. Source: docs/decisions/strict-decoding.md
"""

from collections.abc import Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.checksum import row_hash
from jobs.spec import Column, Source

# `_row` is where a row came from; every transform of a bronze input hands it on.
ROW = "_row"
TEXT_TYPES = ("string", "timestamp", "date")
MAX_CSV_FIELDS = 64

RAW_COLUMNS = {
    "kafka": {
        "topic": "string",
        "partition": "int",
        "offset": "bigint",
        "ingested_at": "timestamp",
        "key": "binary",
        "headers": "array<struct<key:string,value:binary>>",
        "value": "binary",
        "_proc_date": "date",
    },
    "files": {
        "path": "string",
        "etag": "string",
        "line_number": "bigint",
        "ingested_at": "timestamp",
        "header": "binary",
        "value": "binary",
        "_proc_date": "date",
    },
}


def record_id(source: Source) -> SparkColumn:
    """A 64-bit identity of a raw record, the same at every reading."""
    if source.kind == "kafka":
        return F.shiftleft(F.col("partition").cast("bigint"), 48).bitwiseOR(F.col("offset"))
    return F.xxhash64("path", "etag", "line_number")


def place(source: Source) -> SparkColumn:
    """Where a raw record stands, for people: `topic/partition/offset` or `path:line`."""
    if source.kind == "kafka":
        return F.concat_ws("/", "topic", "partition", "offset")
    return F.concat_ws(":", "path", "line_number")


def decode(raw: DataFrame, source: Source, contract: Mapping[str, Column]) -> DataFrame:
    """One row per raw record: the contract's columns, null where undecodable, and `_row`."""
    text = raw.withColumn("_text", F.col("value").cast("string"))
    parsed = _parse_csv(text, contract) if source.format == "csv" else _parse_json(text, contract)
    typed = {name: _typed(F.col(f"_parsed.{name}"), column) for name, column in contract.items()}
    times = [name for name, column in contract.items() if column.type in ("timestamp", "date")]
    lost = [F.col(name).isNull() & F.col(f"_parsed.{name}").isNotNull() for name in times]
    is_wrong_time = lost[0] if lost else F.lit(False)
    for condition in lost[1:]:
        is_wrong_time = is_wrong_time | condition
    is_missing = F.col("value").isNull()
    is_blank = F.col("_text").rlike(r"\A\s*\z")
    is_empty_file = F.lit(source.kind == "files") & (_line_number(source) == 0)
    error = (
        F.when(is_missing, "null_value")
        .when(is_empty_file, "empty_file")
        .when(is_blank, "empty_value")
        .when(~F.expr("is_valid_utf8(_text)"), "invalid_utf8")
        .when(F.col("_format_error").isNotNull(), F.col("_format_error"))
        .when(is_wrong_time, "wrong_type")
    )
    row = F.struct(
        record_id(source).alias("record_id"),
        place(source).alias("source"),
        F.col("ingested_at"),
        error.alias("error"),
        row_hash("value").alias("raw_hash"),
    )
    return parsed.withColumns(typed).select(*contract, row.alias(ROW))


def _line_number(source: Source) -> SparkColumn:
    return F.col("line_number") if source.kind == "files" else F.lit(1)


def _typed(text: SparkColumn, column: Column) -> SparkColumn:
    if column.type in ("timestamp", "date"):
        return text.try_cast(column.type)
    return text


def _parse_json(raw: DataFrame, contract: Mapping[str, Column]) -> DataFrame:
    """The record parsed once. Text that its own re-serialisation repeats is surely well-formed;
    only the rest pays for the full examination."""
    fields = ", ".join(
        f"`{name}` {'string' if column.type in TEXT_TYPES else column.type}"
        for name, column in contract.items()
    )
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_corrupt"}
    # A parser stops at the end of the first value; the text's own hash behind it proves that the
    # value is all there is. try_parse_json refuses a key that occurs twice.
    probe = F.expr("try_parse_json(concat('[', _text, ',', xxhash64(_text), ']'))")
    is_whole = F.expr(
        "coalesce(try_variant_get(_probe, '$[1]', 'bigint') = xxhash64(_text), false)"
    )
    types = F.expr("schema_of_variant(try_variant_get(_probe, '$[0]', 'variant'))")
    number_in_text = rf"\b({'|'.join(_text_fields(contract))}): (?!STRING|VOID)"
    is_wrong_type = F.col("_corrupt").isNotNull() | F.col("_types").rlike(number_in_text)
    return (
        raw.withColumn("_both", F.from_json("_text", f"{fields}, _corrupt string", options))
        .withColumns({"_parsed": F.col("_both").dropFields("_corrupt")})
        .withColumn("_is_canonical", F.to_json("_parsed").eqNullSafe(F.col("_text")))
        .withColumn("_probe", F.when(~F.col("_is_canonical"), probe))
        .withColumns({"_types": F.when(is_whole, types), "_corrupt": F.col("_both._corrupt")})
        .withColumn(
            "_format_error",
            F.when(F.col("_is_canonical"), None)
            .when(F.col("_types").isNull(), "malformed_json")
            .when(~F.col("_types").startswith("OBJECT<"), "not_an_object")
            .when(is_wrong_type, "wrong_type"),
        )
    )


def _text_fields(contract: Mapping[str, Column]) -> list[str]:
    """Names of the text fields at any depth; fields of structs are found in their type."""
    names = [name for name, column in contract.items() if column.type in TEXT_TYPES]
    for column in contract.values():
        names += [
            part.rpartition("<")[2].partition(":")[0].strip()
            for part in column.type.split(",")
            if part.rstrip(">").endswith("string") and ":" in part
        ]
    return names


def _parse_csv(raw: DataFrame, contract: Mapping[str, Column]) -> DataFrame:
    """The line split by its own file's header, so that the order of columns does not matter."""
    slots = ", ".join(f"c{number} string" for number in range(MAX_CSV_FIELDS))
    as_list = "filter(array({}), field -> field is not null)".format(
        ", ".join(f"{{0}}.c{number}" for number in range(MAX_CSV_FIELDS))
    )
    named = raw.withColumns(
        {
            "_names": F.from_csv(F.trim(F.col("header").cast("string")), slots),
            "_fields": F.from_csv("_text", slots, {"nullValue": "\u0000"}),
        }
    ).withColumns(
        {
            "_names": F.expr(as_list.format("_names")),
            "_fields": F.expr(as_list.format("_fields")),
        }
    )
    is_shaped = F.size("_names") == F.size("_fields")
    cells = F.when(is_shaped, F.map_from_arrays("_names", "_fields"))
    missing = F.array(*[F.lit(name) for name in contract])
    absent = F.array_except(missing, F.col("_names"))
    texts = named.withColumns({"_cells": cells, "_absent": absent})
    parsed = F.struct(
        *[_cell(name).try_cast(_cell_type(column)).alias(name) for name, column in contract.items()]
    )
    is_wrong_type = F.lit(False)
    for name in contract:
        is_wrong_type = is_wrong_type | (
            F.col(f"_parsed.{name}").isNull() & _cell(name).isNotNull()
        )
    return texts.withColumn("_parsed", parsed).withColumn(
        "_format_error",
        F.when(
            F.size("_absent") > 0, F.concat(F.lit("missing_column:"), F.array_join("_absent", ","))
        )
        .when(~is_shaped, "malformed_csv")
        .when(is_wrong_type, "wrong_type"),
    )


def _cell(name: str) -> SparkColumn:
    """A field's text; an empty field is null."""
    return F.nullif(F.trim(F.try_element_at("_cells", F.lit(name))), F.lit(""))


def _cell_type(column: Column) -> str:
    return "string" if column.type in ("timestamp", "date") else column.type
