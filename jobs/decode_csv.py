"""Lines of CSV files, each split by the header of its own file."""

from collections.abc import Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.spec import Column

MAX_FIELDS = 64
# One slot for the end mark; a line that has it elsewhere than in these has too many fields.
SLOTS = ", ".join(f"c{number} string" for number in range(MAX_FIELDS + 1))
OPTIONS = {"escape": '"'}
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"


def parse_csv(raw: DataFrame, contract: Mapping[str, Column]) -> DataFrame:
    """The lines with `_parsed`, `_format_error` and `_new_fields`; columns stand in any order.

    Spreadsheets write columns without a name; they are nobody's as long as they are empty.
    """
    named = _split(raw, contract)
    parsed = F.struct(*[_typed(name, column).alias(name) for name, column in contract.items()])
    is_wrong_type = F.lit(False)
    for name in contract:
        is_wrong_type = is_wrong_type | (
            F.col(f"_parsed.{name}").isNull() & _cell(name).isNotNull()
        )
    missing = F.concat(F.lit("missing_column:"), F.array_join("_absent", ","))
    return named.withColumn("_parsed", parsed).withColumn(
        "_format_error",
        F.when(F.col("_names").isNull(), "malformed_csv")
        .when(~_is_unambiguous(), "doubled_column")
        .when(F.size("_absent") > 0, missing)
        .when(F.col("_fields").isNull() | ~_is_shaped(), "malformed_csv")
        .when(F.size("_stray") > 0, "unnamed_column")
        .when(F.col("_text").rlike(CONTROL), "control_character")
        .when(is_wrong_type, "wrong_type"),
    )


def _split(raw: DataFrame, contract: Mapping[str, Column]) -> DataFrame:
    """The lines with `_cells` by name, and what is wrong with the names."""
    header = F.trim(F.col("header").cast("string"))
    known = F.array(*[F.lit(name) for name in contract])
    names = F.transform(_fields(header), lambda name: F.nullif(F.trim(name), F.lit("")))
    pairs = F.arrays_zip("_header", "_fields")
    new = F.array_except("_names", known)

    def is_stray(pair: SparkColumn) -> SparkColumn:
        return pair["_header"].isNull() & pair["_fields"].isNotNull()

    return (
        raw.withColumns({"_header": names, "_fields": _fields(F.col("_text"))})
        .withColumns(
            {
                "_names": F.array_compact("_header"),
                "_pairs": F.filter(pairs, lambda pair: pair["_header"].isNotNull()),
                "_stray": F.filter(pairs, is_stray),
            }
        )
        .withColumns(
            {
                "_cells": F.when(_is_shaped() & _is_unambiguous(), F.map_from_entries("_pairs")),
                "_absent": F.array_except(known, "_names"),
                "_new_fields": F.when(F.size(new) > 0, new),
            }
        )
    )


def _is_shaped() -> SparkColumn:
    return F.size("_header") == F.size("_fields")


def _is_unambiguous() -> SparkColumn:
    return F.size(F.array_distinct("_names")) == F.size("_names")


def _fields(line: SparkColumn) -> SparkColumn:
    """The fields of a line, null where a quote is left open or there are more than MAX_FIELDS.

    An empty field and a missing one are both null to the parser; the line's own hash behind it
    marks where it ends, and is swallowed by an open quote.
    """
    end = F.xxhash64(line).cast("string")
    slots = F.from_csv(F.concat(line, F.lit(","), end), SLOTS, OPTIONS)
    as_list = F.array(*[slots[f"c{number}"] for number in range(MAX_FIELDS + 1)])
    count = F.array_position(as_list, end) - 1
    return F.when(count > 0, F.slice(as_list, 1, count.cast("int")))


def _cell(name: str) -> SparkColumn:
    """A field's text; an empty field is null."""
    return F.nullif(F.trim(F.try_element_at("_cells", F.lit(name))), F.lit(""))


def _typed(name: str, column: Column) -> SparkColumn:
    """The field in its type, null where it is none of it or would have to be rounded."""
    text = _cell(name)
    if column.type in ("timestamp", "date"):
        return text
    if column.type.startswith("decimal"):
        scale = column.type.rstrip(")").rpartition(",")[2].strip()
        text = F.when(text.rlike(rf"\A[+-]?\d+(\.\d{{1,{scale}}}0*)?\z"), text)
    return text.try_cast(column.type)
